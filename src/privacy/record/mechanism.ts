import type { Weights } from '../../weights/weights.ts'
import { addNoise } from '../noise/add-noise.ts'
import type { Randomness } from '../randomness.ts'

/** How each image of an owner is hidden while it trains (DP-SGD, Abadi et al. 2016, arXiv:1607.00133, algorithm 1). */
export interface RecordNoise {
  /** Largest L2 norm of an image's gradient, over all parameters. */
  readonly clip: number
  /** Standard deviation of the noise on a sum of clipped gradients, in units of the clipping norm. */
  readonly noise: number
  /** Draws samples and noise from this seed, and so protects nobody. */
  readonly testSeed?: number | undefined
}

/** What the steps of an owner's training are to an accountant. */
export interface SampledSteps {
  /** Probability with which an image takes part in a step. */
  readonly rate: number
  /** Of an epoch. */
  readonly steps: number
}

/** The steps of an epoch over so many images, of which `batch` are expected in each: all of them if there are no more. */
export const sampledSteps = (images: number, batch: number): SampledSteps => ({
  rate: Math.min(1, batch / images),
  steps: Math.ceil(images / batch),
})

/** Each of the images with probability `rate`, whatever becomes of the others: their number is another every time. */
export const poissonSample = (images: Uint32Array, rate: number, random: Randomness): Uint32Array =>
  rate >= 1 ? images : images.filter(() => random.uniform() < rate)

/**
 * What an optimizer is given for the gradient: (sum + N(0, (noise · clip)²)) / expected, for every weight.
 * @param sum of clipped gradients; it is overwritten, so that it leaves no trace
 * @param expected images of a step
 */
export function noisyMean(sum: Weights, { clip, noise }: RecordNoise, expected: number, random: Randomness): Weights {
  addNoise(sum, noise * clip, random)
  for (const { data } of sum.values()) for (let i = 0; i < data.length; i++) data[i]! /= expected
  return sum
}
