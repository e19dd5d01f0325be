import type { Algorithm, State } from '../algorithm/algorithm.ts'
import type { Pace } from '../algorithm/pace/pace.ts'
import { PACES } from '../algorithm/pace/registry.ts'
import type { Experiment } from '../config/schema.ts'
import { asyncState, runAsync } from '../federation/async-loop.ts'
import { trainBaseline, withBaseline } from '../federation/baseline.ts'
import type { FederationEvent } from '../federation/events.ts'
import { runFederation } from '../federation/loop.ts'
import { initialWeights } from '../model/init.ts'
import { make } from '../parts.ts'
import type { SavedState } from '../runs/checkpoint.ts'
import type { Weights } from '../weights/weights.ts'
import type { Participants, Runnable } from './participants.ts'

/** What a run begins with, before its first round. */
export interface Beginning {
  readonly initial: Weights
  readonly state: State
}

export function beginning({ experiment, model, description }: Runnable, algorithm: Algorithm): Beginning {
  const initial = initialWeights(model, experiment.seed)
  const pace = paceOf(experiment)
  const owners = description.shards.map(({ owner }) => owner)
  return { initial, state: { ...algorithm.start(initial), ...(pace && asyncState(owners, initial, pace)) } }
}

const paceOf = ({ pace }: Experiment): Pace | undefined => pace && make(PACES, pace)

/** The events of a run, from where its checkpoint ends. */
export function startFederation(
  { experiment }: Runnable,
  algorithm: Algorithm,
  { initial, state }: Beginning,
  { owners, baseline }: Participants,
  saved: SavedState,
  signal: AbortSignal,
): AsyncIterable<FederationEvent> {
  const { round } = saved
  const first = { round, model: experiment.init === 'shared' ? initial : undefined, state }
  const start = round === 0 ? first : { round, model: saved.unified, state: saved.serverState }
  owners.restore(round, saved.ownerStates)
  const pace = paceOf(experiment)
  if (pace) {
    const plan = { ...experiment, speeds: experiment.speeds ?? [1] }
    return runAsync(owners, { algorithm, pace }, plan, start, signal)
  }
  const events = runFederation(owners, algorithm, experiment, start, signal)
  if (!baseline) return events
  return withBaseline(events, trainBaseline(baseline, experiment, { round, model: saved.pooled ?? initial }, signal))
}
