import { crossEntropy } from '../../algorithm/objective/cross-entropy.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { type Experiment, localEpochs } from '../../config/schema.ts'
import type { Shard } from '../../data/dataset.ts'
import type { Learner } from '../../engine/engine.ts'
import { initialWeights } from '../../model/init.ts'
import type { Model } from '../../model/model.ts'
import { make } from '../../parts.ts'
import { POOLED } from '../events.ts'
import { type OwnerSettings, ShardOwner } from '../owner.ts'

/** One owner for each shard, trained by the same learner. */
export const localOwners = (
  experiment: Experiment,
  shards: readonly Shard[],
  model: Model,
  learner: Learner,
): ShardOwner[] => shards.map((shard) => new ShardOwner(shard, learner, ownerSettings(experiment, shard.owner, model)))

/** How an owner trains in that experiment. */
export const ownerSettings = (experiment: Experiment, owner: number, model: Model): OwnerSettings => ({
  batch: experiment.batch,
  epochs: localEpochs(experiment),
  untilAccuracy: experiment['until-local-accuracy'],
  objective: make(OBJECTIVES, experiment.objective),
  initial: () => initialWeights(model, experiment.seed, owner),
})

/** The owner of everybody's images: what the owners would train on if they could pool their data. */
export function pooledOwner(
  experiment: Experiment,
  shards: readonly Shard[],
  model: Model,
  learner: Learner,
): ShardOwner {
  const union = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]))
  const shard = { owner: POOLED, train: union(shards.map((s) => s.train)), test: union(shards.map((s) => s.test)) }
  // It has no other owners to stay close to.
  const settings = { ...ownerSettings(experiment, POOLED, model), objective: crossEntropy.make() }
  return new ShardOwner(shard, learner, { ...settings, name: 'the pooled baseline' })
}
