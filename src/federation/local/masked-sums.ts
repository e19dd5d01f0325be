import pMap from 'p-map'
import type { Shard } from '../../data/dataset.ts'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { MaskedSum } from '../../privacy/masks/masked-sum.ts'
import type { Weights } from '../../weights/weights.ts'
import { MASKED } from '../disclosure.ts'
import type { HeadLearner } from '../head-learner.ts'
import { lengthOfSums, sumsOfWords } from '../head-words.ts'
import { type Counts, maskTraffic } from '../mask-traffic.ts'
import type { MaskedRounds } from '../masked-rounds.ts'
import { digitsOf, imagesOf, type OwnerHeadMasks } from '../owner-head-masks.ts'
import { localParty } from './local-parties.ts'

/** What masks the sums of owners in this process. */
export interface HeadMasks {
  readonly rounds: MaskedRounds
  /** As all of them know it. */
  readonly range: number
  /** By owner. */
  readonly members: ReadonlyMap<number, OwnerHeadMasks>
}

/** Whose sums, by what they are computed, and what masks them. */
interface Summed {
  readonly learner: HeadLearner
  readonly shards: readonly Shard[]
  readonly masks: HeadMasks
}

interface Asked {
  readonly round: number
  readonly workers: number
  readonly counts: Counts
}

/** The sums of all owners for a head, of which nobody sees those of one; what they would send is counted. */
export async function maskedSums(
  { learner, shards, masks: { rounds, range, members } }: Summed,
  weights: Weights,
  { round, workers, counts }: Asked,
): Promise<HeadStatistics> {
  const parties = shards.map(({ owner, train }) =>
    localParty({ owner, trainImages: train.length }, members.get(owner)!),
  )
  const under = await rounds.begin(round, parties, maskTraffic(counts))
  const sum = new MaskedSum(under.round, lengthOfSums(learner.sizes))
  const handIn = async (shard: Shard) => {
    const { owner } = shard
    const sealed = members.get(owner)!.seal(await learner.sums(weights, shard), under.taskOf(owner))
    const bytes = sealed.words.byteLength
    counts.traffic.up(counts.place(owner), bytes)
    counts.disclosed.note(owner, 'statistics', MASKED, bytes)
    sum.add(owner, sealed)
  }
  await pMap(shards, handIn, { concurrency: workers })
  const { owners } = under.round
  return sumsOfWords(sum.finish(), { ...learner.sizes, images: imagesOf(owners) }, digitsOf(under.round, range))
}
