import type { Algorithm } from '../algorithm/algorithm.ts'
import type { Learner } from '../engine/engine.ts'
import { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import { trainBaseline, withBaseline } from '../federation/baseline.ts'
import type { FederationEvent } from '../federation/events.ts'
import { LocalCohort } from '../federation/local/local-cohort.ts'
import { localOwners, pooledOwner } from '../federation/local/local-owners.ts'
import { runFederation } from '../federation/loop.ts'
import { initialWeights } from '../model/init.ts'
import { make } from '../parts.ts'
import type { SavedState } from '../runs/checkpoint.ts'
import type { PreparedRun } from './prepare.ts'

/** What trains for a run's owners, `workers` of them at a time. */
export function openLearner(run: PreparedRun, workers: number, signal?: AbortSignal): Promise<Learner> {
  const { experiment, dataset, model, engine } = run
  const { seed, normalise } = experiment
  const optimizer = { ...make(OPTIMIZERS, experiment.optimizer), weightDecay: experiment['weight-decay'] }
  return engine.open({ model, dataset, normalise, optimizer, seed, workers, signal })
}

/** The events of a prepared run whose owners are all in this process, from where its checkpoint ends. */
export function startFederation(
  { experiment, shards, model }: PreparedRun,
  algorithm: Algorithm,
  learner: Learner,
  saved: SavedState,
  signal: AbortSignal,
): AsyncIterable<FederationEvent> {
  const { seed, init, baseline, workers } = experiment
  const initial = initialWeights(model, seed)
  const { round } = saved
  const own = localOwners(experiment, shards, model, learner)
  for (const owner of own) {
    const state = saved.ownerStates.get(owner.card.owner)
    if (state) owner.restore(round, state)
  }
  const start = {
    round,
    model: round > 0 ? saved.unified : init === 'shared' ? initial : undefined,
    state: round > 0 ? saved.serverState : algorithm.start(initial),
  }
  const events = runFederation(new LocalCohort(own, workers), algorithm, experiment, start, signal)
  if (baseline === 'none') return events
  const pooled = new LocalCohort([pooledOwner(experiment, shards, model, learner)], 1)
  return withBaseline(events, trainBaseline(pooled, experiment, { round, model: saved.pooled ?? initial }, signal))
}
