import type { Algorithm, State } from '../algorithm/algorithm.ts'
import { makeAlgorithm } from '../algorithm/make-algorithm.ts'
import type { Pace } from '../algorithm/pace/pace.ts'
import { PACES } from '../algorithm/pace/registry.ts'
import { ownerNoise } from '../config/owner-noise.ts'
import type { Experiment } from '../config/schema.ts'
import { type Arrived, arrivalsOf, Timetable } from '../federation/arrivals.ts'
import { asyncState, runAsync } from '../federation/async-loop.ts'
import { trainBaseline, withBaseline } from '../federation/baseline.ts'
import type { Cohort } from '../federation/cohort.ts'
import type { FederationEvent } from '../federation/events.ts'
import { runFederation } from '../federation/loop.ts'
import { plannedOrder, realOrder } from '../federation/order.ts'
import { lastRound } from '../federation/schedule.ts'
import { initialWeights } from '../model/init.ts'
import { make } from '../parts.ts'
import type { SavedState } from '../runs/checkpoint.ts'
import { labelsTold } from '../runs/run-description.ts'
import type { Weights } from '../weights/weights.ts'
import { accountOf } from './noise.ts'
import type { Participants, Runnable } from './participants.ts'

/** What the updates of a run become the next model by. */
export const algorithmOf = ({ experiment, description }: Runnable): Algorithm =>
  makeAlgorithm(experiment, labelsTold(description.shards), ownerNoise(experiment))

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

/** What earlier processes have left. */
interface Before {
  readonly saved: SavedState
  /** In a run without waiting, what its folder has recorded until then. */
  readonly arrived: readonly Arrived[]
  /** Rounds that were begun and not finished. */
  readonly lost: number
}

const paceOf = ({ pace }: Experiment): Pace | undefined => pace && make(PACES, pace)

/** The events of a run, from where its checkpoint ends. */
export function startFederation(
  run: Runnable,
  algorithm: Algorithm,
  { initial, state }: Beginning,
  { owners, baseline }: Participants,
  { saved, arrived, lost }: Before,
  signal: AbortSignal,
): AsyncIterable<FederationEvent> {
  const { experiment } = run
  const { round } = saved
  const first = { round, model: experiment.init === 'shared' ? initial : undefined, state }
  const start = round === 0 ? first : { round, model: saved.unified, state: saved.serverState }
  owners.restore(round, saved.ownerStates)
  const pace = paceOf(experiment)
  if (pace) {
    const order = orderOf(run, owners, pace, round, arrived)
    return runAsync(owners, { algorithm, pace, order }, experiment, start, signal)
  }
  const account = accountOf({ experiment, shards: run.description.shards }, lost)
  const events = runFederation(owners, algorithm, { ...experiment, account }, start, signal)
  if (!baseline) return events
  return withBaseline(events, trainBaseline(baseline, experiment, { round, model: saved.pooled ?? initial }, signal))
}

/** The order of arrivals: that of another run, as they come, or that of the speeds. */
function orderOf(
  { experiment, replayed }: Runnable,
  cohort: Cohort,
  pace: Pace,
  round: number,
  past: readonly Arrived[],
) {
  const owners = cohort.owners.map(({ owner }) => owner)
  if (replayed) return plannedOrder(new Timetable(owners, pace.buffer, replayed).arrivals, round * pace.buffer)
  if (cohort.real) return realOrder(past)
  const { speeds = [1] } = experiment
  return plannedOrder(arrivalsOf(owners, speeds, pace.buffer, lastRound(experiment)), round * pace.buffer)
}
