import type { Attack } from '../algorithm/attack/attack.ts'
import { ATTACKS } from '../algorithm/attack/registry.ts'
import { asksOf } from '../algorithm/merge/assert-rule.ts'
import { distinctAsks } from '../algorithm/merge/rule.ts'
import { crossEntropy } from '../algorithm/objective/cross-entropy.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { ownerNoise } from '../config/owner-noise.ts'
import { recordNoise } from '../config/record-noise.ts'
import { type Experiment, localEpochs } from '../config/schema.ts'
import type { Dataset, Shard } from '../data/dataset.ts'
import { labelHistogram } from '../data/partition/partition.ts'
import type { Learner } from '../engine/engine.ts'
import { OPTIMIZERS } from '../engine/optimizer-registry.ts'
import { POOLED } from '../federation/events.ts'
import { type OwnerSettings, ShardOwner } from '../federation/owner.ts'
import type { MaskSettings } from '../federation/owner-masks.ts'
import type { Asked } from '../federation/owner-statistics.ts'
import { initialWeights } from '../model/init.ts'
import { make } from '../parts.ts'
import type { RecordNoise } from '../privacy/record/mechanism.ts'
import type { PreparedRun } from './prepare.ts'

type Settled = Pick<PreparedRun, 'experiment' | 'model'> & { readonly dataset: Pick<Dataset, 'labels' | 'classes'> }

/** How an owner trains in a run. */
export const ownerSettings = ({ experiment, model, dataset }: Settled, { owner, train }: Shard): OwnerSettings => ({
  batch: experiment.batch,
  epochs: localEpochs(experiment),
  untilAccuracy: experiment['until-local-accuracy'],
  objective: make(OBJECTIVES, experiment.objective),
  perturb: experiment.sam === undefined ? undefined : { rho: experiment.sam },
  momentum: make(OPTIMIZERS, experiment.optimizer).momentum,
  labels: labelHistogram(dataset, train),
  initial: () => initialWeights(model, experiment.seed, owner),
  asked: askedBy(experiment),
  noise: ownerNoise(experiment),
  record: hidden(experiment, owner, train.length),
})

/** How an owner hides its images, if it is asked to. It has been looked at before: nothing is trained without it. */
function hidden(experiment: Experiment, owner: number, images: number): RecordNoise | undefined {
  const noise = recordNoise(experiment, images)
  if (noise || experiment.privacy?.level !== 'record') return noise
  throw new Error(`no noise hides the images of owner ${owner}`)
}

/** What merge rules ask of each owner; undefined if nothing. */
function askedBy({ merge, seed }: Experiment): Asked | undefined {
  const asks = distinctAsks(merge.flatMap((choice) => [...asksOf(choice)]))
  return asks.length > 0 ? { asks, seed } : undefined
}

/**
 * One owner for each shard, trained by the same learner; the last ones are hostile if the experiment has an attack.
 * @param masksOf by which each masks its updates, if they do
 */
export function shardOwners(
  run: Settled,
  shards: readonly Shard[],
  learner: Learner,
  masksOf?: (owner: number) => MaskSettings,
): ShardOwner[] {
  const { attack: chosen, seed } = run.experiment
  const attack: Attack | undefined = chosen && make(ATTACKS, chosen)
  const hostile = attack && { ...attack, relabel: attack.relabel?.(run.dataset.classes), seed }
  const honest = shards.length - (attack?.owners ?? 0)
  return shards.map((shard, i) => {
    const masks = masksOf?.(shard.owner)
    return new ShardOwner(shard, learner, { ...ownerSettings(run, shard), masks, ...(i >= honest && { hostile }) })
  })
}

/** The owner of everybody's images: what the owners would train on if they could pool their data. */
export function pooledOwner(run: Settled, shards: readonly Shard[], learner: Learner): ShardOwner {
  const union = (parts: readonly Uint32Array[]) => Uint32Array.from(parts.flatMap((part) => [...part]))
  const shard = { owner: POOLED, train: union(shards.map((s) => s.train)), test: union(shards.map((s) => s.test)) }
  // It has no other owners to stay close to, or to be merged with.
  const settings = { ...ownerSettings(run, shard), objective: crossEntropy.make(), asked: undefined, noise: undefined }
  return new ShardOwner(shard, learner, { ...settings, name: 'the pooled baseline' })
}
