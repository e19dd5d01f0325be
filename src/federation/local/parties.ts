import { crossEntropy } from '../../algorithm/objective/cross-entropy.ts'
import type { Objective } from '../../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { type Experiment, localEpochs } from '../../config/schema.ts'
import type { Shard } from '../../data/dataset.ts'
import type { Learner } from '../../engine/engine.ts'
import { make } from '../../parts.ts'
import { POOLED } from '../events.ts'
import type { Owner } from './owner.ts'

export interface Parties {
  readonly owners: Owner[]
  readonly baseline: Owner | undefined
}

/** Who takes part in this process: the owners' shards stay apart, a learner trains for all of them. */
export function localParties(experiment: Experiment, shards: readonly Shard[], learner: Learner): Parties {
  const training = {
    batch: experiment.batch,
    epochs: localEpochs(experiment),
    untilAccuracy: experiment['until-local-accuracy'],
  }
  const party = ({ owner, train, test }: Shard, objective: Objective, name = `owner ${owner}`): Owner => ({
    owner,
    trainImages: train.length,
    train(start, round, report) {
      const hooks = objective(start)
      return learner.train(start, { owner, name, train, test, ...round, ...training, ...(hooks && { hooks }) }, report)
    },
    evaluate: (weights) => learner.evaluate(weights, test),
  })
  return {
    owners: shards.map((shard) => party(shard, make(OBJECTIVES, experiment.objective))),
    // It has no other owners to stay close to.
    baseline:
      experiment.baseline === 'pooled' ? party(pool(shards), crossEntropy.make(), 'the pooled baseline') : undefined,
  }
}

/** Everybody's images in one shard: what the owners would train on if they could pool their data. */
function pool(shards: readonly Shard[]): Shard {
  const union = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]))
  return { owner: POOLED, train: union(shards.map((s) => s.train)), test: union(shards.map((s) => s.test)) }
}
