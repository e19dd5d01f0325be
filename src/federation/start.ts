import { initialWeights } from '../model/init.ts'
import type { FederationEvent } from './events.ts'
import { runFederation } from './federation.ts'
import { localOwners } from './local.ts'
import type { PreparedRun } from './prepare.ts'

/** Runs a prepared experiment with all owners in this process. */
export async function* startLocally(run: PreparedRun, signal?: AbortSignal): AsyncGenerator<FederationEvent> {
  const { experiment, dataset, shards, model, engine } = run
  const { seed, normalise, workers, optimizer: kind, momentum, init } = experiment
  const optimizer = { kind, momentum, weightDecay: experiment['weight-decay'] }
  const learner = await engine.open({ model, dataset, normalise, optimizer, seed, workers, signal })
  const common = initialWeights(model, seed)
  const initial = (owner: number) => (init === 'shared' ? common : initialWeights(model, seed, owner))
  try {
    yield* runFederation(localOwners(experiment, shards, learner), experiment, initial)
  } finally {
    await learner.close()
  }
}
