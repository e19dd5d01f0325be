import { type Experiment, localEpochs } from '../../config/schema.ts'
import type { Shard } from '../../data/dataset.ts'
import type { Learner } from '../../engine/engine.ts'
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
  const party = ({ owner, train, test }: Shard, name = `owner ${owner}`): Owner => ({
    owner,
    trainImages: train.length,
    train: (start, round, report) => learner.train(start, { owner, name, train, test, ...round, ...training }, report),
    evaluate: (weights) => learner.evaluate(weights, test),
  })
  return {
    owners: shards.map((shard) => party(shard)),
    baseline: experiment.baseline === 'pooled' ? party(pool(shards), 'the pooled baseline') : undefined,
  }
}

/** Everybody's images in one shard: what the owners would train on if they could pool their data. */
function pool(shards: readonly Shard[]): Shard {
  const union = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]))
  return { owner: POOLED, train: union(shards.map((s) => s.train)), test: union(shards.map((s) => s.test)) }
}
