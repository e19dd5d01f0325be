import pMap from 'p-map'
import type { Shard } from '../../data/dataset.ts'
import { safetensorsSize } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { HeadOwners, ModelRef } from '../cohort.ts'
import { type DisclosureCount, STATISTICS } from '../disclosure.ts'
import type { HeadLearner } from '../head-learner.ts'
import { headTensors, statisticsOf } from '../head-tensors.ts'
import type { TrafficCount } from '../traffic.ts'
import { wouldSend } from './would-send.ts'

/** What fits heads in this process, and to which images. */
export interface LocalHeads {
  readonly learner: HeadLearner
  /** In the owners' order. */
  readonly shards: readonly Shard[]
}

/** What the cohort of these owners has. */
interface Cohorts {
  readonly workers: number
  readonly traffic: TrafficCount
  readonly disclosed: DisclosureCount
  weightsOf(model: ModelRef): Weights
}

/** What owners do for a head, with what they would send counted. */
export const headOwners = (
  { learner, shards }: LocalHeads,
  { workers, traffic, disclosed, weightsOf }: Cohorts,
): HeadOwners => ({
  summarise: async (model) => {
    const summed = (shard: Shard) => learner.summarise(weightsOf(model), shard)
    const all = await pMap(shards, summed, { concurrency: workers })
    return all.map((tensors, i) => {
      const size = safetensorsSize(tensors)
      traffic.up(i, size)
      disclosed.note(shards[i]!.owner, 'statistics', STATISTICS, size)
      return statisticsOf(tensors, shards[i]!.train.length)
    })
  },
  evaluate: async (model, head) => {
    const size = safetensorsSize(headTensors(head))
    for (const i of shards.keys()) traffic.down(i, size)
    const weights = weightsOf(model)
    const score = async (shard: Shard) => {
      const evaluation = await learner.evaluate(weights, head, shard)
      disclosed.message(shard.owner, 'evaluation', wouldSend.evaluation(evaluation))
      return [shard.owner, evaluation] as const
    }
    return new Map(await pMap(shards, score, { concurrency: workers + 1 }))
  },
})
