import { z } from 'zod'
import type { Weights } from '../../../weights/weights.ts'
import { type AskedStatistic, type OwnerFacts, statisticName } from '../rule.ts'

/** An option of rules that ask for a statistic. The code of Jin et al. (RegMean) takes as many for both of ours. */
export const sampledImages = z
  .int()
  .min(1)
  .default(1000)
  .describe('how many of its training images each owner looks at, others in each round; all if it has fewer')

/** @throws Error if the owner has not handed it in */
export function statisticOf({ owner, statistics }: OwnerFacts, asked: AskedStatistic): Weights {
  const statistic = statistics?.[statisticName(asked)]
  if (statistic) return statistic
  throw new Error(`owner ${owner} has not handed in its ${asked.statistic} of ${asked.images} images`)
}
