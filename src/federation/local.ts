import type { Experiment } from '../config/schema.ts'
import type { Shard } from '../data/dataset.ts'
import type { Learner } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import { POOLED } from './events.ts'
import type { Owner } from './owner.ts'

export interface Parties {
  readonly owners: Owner[]
  readonly baseline: Owner | undefined
}

/** Who takes part in this process: the owners' shards stay apart, a learner trains for all of them. */
export function localParties(experiment: Experiment, shards: readonly Shard[], learner: Learner): Parties {
  const until = experiment['until-local-accuracy']
  const training = {
    batch: experiment.batch,
    epochs: until === undefined ? experiment['local-epochs'] : experiment['max-local-epochs'],
    untilAccuracy: until,
  }
  const party = ({ owner, train, test }: Shard): Owner => ({
    owner,
    trainImages: train.length,
    train: (start, round, report) => learner.train(start, { owner, train, test, ...round, ...training }, report),
    evaluate: (weights) => learner.evaluate(weights, test),
  })
  return {
    owners: shards.map(party),
    baseline: experiment.baseline === 'pooled' ? namedPooled(party(pool(shards))) : undefined,
  }
}

/** A learner numbers its owners; the baseline is none of them, and its failures are to say so. */
function namedPooled(baseline: Owner): Owner {
  const rename = (error: unknown): never => {
    if (!(error instanceof FedunifyError)) throw error
    const message = error.message.replace(new RegExp(`^owner ${POOLED}\\b`), 'the pooled baseline')
    throw new FedunifyError(error.kind, message, error.hint, { cause: error })
  }
  return { ...baseline, train: (...given) => baseline.train(...given).catch(rename) }
}

/** Everybody's images in one shard: what the owners would train on if they could pool their data. */
function pool(shards: readonly Shard[]): Shard {
  const union = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]))
  return { owner: POOLED, train: union(shards.map((s) => s.train)), test: union(shards.map((s) => s.test)) }
}
