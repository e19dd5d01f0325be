import pMap from 'p-map'
import type { Shard } from '../../data/dataset.ts'
import { addStatistics } from '../../engine/head-statistics.ts'
import { safetensorsSize } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { HeadOwners, ModelRef } from '../cohort.ts'
import { STATISTICS } from '../disclosure.ts'
import type { HeadLearner } from '../head-learner.ts'
import { headTensors, statisticsOf } from '../head-tensors.ts'
import type { Counts } from '../mask-traffic.ts'
import { type HeadMasks, maskedSums } from './masked-sums.ts'
import { wouldSend } from './would-send.ts'

/** What fits heads in this process, and to which images. */
export interface LocalHeads {
  readonly learner: HeadLearner
  /** In the owners' order. */
  readonly shards: readonly Shard[]
  /** What masks their sums; undefined if they hand them in as they are. */
  readonly masks?: HeadMasks | undefined
}

/** What the cohort of these owners has. */
interface Cohorts extends Counts {
  readonly workers: number
  weightsOf(model: ModelRef): Weights
}

/** What owners do for a head, with what they would send counted. */
export const headOwners = (
  { learner, shards, masks }: LocalHeads,
  { workers, weightsOf, ...counts }: Cohorts,
): HeadOwners => ({
  summarise: async (model, round) => {
    if (masks) return await maskedSums({ learner, shards, masks }, weightsOf(model), { round, workers, counts })
    const { traffic, disclosed } = counts
    const summed = (shard: Shard) => learner.summarise(weightsOf(model), shard)
    const all = await pMap(shards, summed, { concurrency: workers })
    const sums = all.map((tensors, i) => {
      const size = safetensorsSize(tensors)
      traffic.up(i, size)
      disclosed.note(shards[i]!.owner, 'statistics', STATISTICS, size)
      return statisticsOf(tensors, shards[i]!.train.length)
    })
    return addStatistics(sums)
  },
  evaluate: async (model, head) => {
    const size = safetensorsSize(headTensors(head))
    for (const i of shards.keys()) counts.traffic.down(i, size)
    const weights = weightsOf(model)
    const score = async (shard: Shard) => {
      const evaluation = await learner.evaluate(weights, head, shard)
      counts.disclosed.message(shard.owner, 'evaluation', wouldSend.evaluation(evaluation))
      return [shard.owner, evaluation] as const
    }
    return new Map(await pMap(shards, score, { concurrency: workers + 1 }))
  },
})
