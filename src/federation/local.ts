import type { Experiment } from '../config/schema.ts'
import type { Shard } from '../data/dataset.ts'
import type { Learner } from '../engine/engine.ts'
import type { Owner } from './owner.ts'

/** Owners in this process: their shards stay apart, a learner trains for all of them. */
export function localOwners(experiment: Experiment, shards: readonly Shard[], learner: Learner): Owner[] {
  const until = experiment['until-local-accuracy']
  const training = {
    batch: experiment.batch,
    epochs: until === undefined ? experiment['local-epochs'] : experiment['max-local-epochs'],
    untilAccuracy: until,
  }
  return shards.map(({ owner, train, test }) => ({
    owner,
    trainImages: train.length,
    train: (start, round, report) => learner.train(start, { owner, train, test, ...round, ...training }, report),
    evaluate: (weights) => learner.evaluate(weights, test),
  }))
}
