import type { Learner } from '../../engine/engine.ts'
import { OPTIMIZERS } from '../../engine/optimizer-registry.ts'
import { initialWeights } from '../../model/init.ts'
import { make } from '../../parts.ts'
import type { PreparedRun } from '../../run/prepare.ts'
import { tidy } from '../../system/memory.ts'
import type { Weights } from '../../weights/weights.ts'
import type { FederationEvent } from '../events.ts'
import { runFederation } from '../loop.ts'
import { localParties } from './parties.ts'

/** The last complete round of an earlier process, to go on from. */
export interface Checkpoint {
  /** 0 where there is none: then there are no weights. */
  readonly round: number
  readonly unified: Weights
  readonly pooled: Weights | undefined
}

/** What trains for a run's owners, `workers` of them at a time. */
export function openLearner(run: PreparedRun, workers: number, signal?: AbortSignal): Promise<Learner> {
  const { experiment, dataset, model, engine } = run
  const { seed, normalise } = experiment
  const optimizer = { ...make(OPTIMIZERS, experiment.optimizer), weightDecay: experiment['weight-decay'] }
  return engine.open({ model, dataset, normalise, optimizer, seed, workers, signal })
}

/** Runs a prepared experiment with all owners in this process. */
export async function* startLocally(
  run: PreparedRun,
  learner: Learner,
  { round, unified, pooled }: Checkpoint,
): AsyncGenerator<FederationEvent> {
  const { experiment, shards, model } = run
  const { seed, init } = experiment
  const common = initialWeights(model, seed)
  const initial = (owner: number) => (init === 'shared' ? common : initialWeights(model, seed, owner))
  const start = {
    round,
    weights: (owner: number) => (round > 0 ? unified : initial(owner)),
    pooled: pooled ?? common,
  }
  const { owners, baseline } = localParties(experiment, shards, learner)
  for await (const event of runFederation(owners, baseline, experiment, start)) {
    yield event
    if (event.type === 'round-finished') tidy()
  }
}
