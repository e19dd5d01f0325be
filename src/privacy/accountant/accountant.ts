import { leastThatHolds } from './bisect.ts'
import { gaussianEpsilon } from './gaussian.ts'
import { renyiEpsilon } from './renyi.ts'
import { sampledGaussian } from './sampled-gaussian.ts'

/** How often which noise is added. */
export interface Spent {
  /** Standard deviation of a step's noise, in units of the clipping norm (which is the sensitivity of the sum). */
  readonly noise: number
  /** The probability with which each owner or record has a part in a step, of its own; 1: all have in each. */
  readonly rate: number
  readonly steps: number
}

/**
 * The ε at δ that so many steps of noise have cost, for whoever is added to the data or removed from it. If all have a
 * part in each step it is exact; under Poisson sampling it is the bound of Rényi divergences.
 */
export function epsilonAfter({ noise, rate, steps, delta }: Spent & { readonly delta: number }): number {
  if (steps === 0) return 0
  if (rate === 1) return gaussianEpsilon(noise / Math.sqrt(steps), delta)
  const step = sampledGaussian(noise, rate)
  return renyiEpsilon((order) => steps * step(order), delta)
}

/** More noise than any run is of use with. */
const MOST_NOISE = 1e6
/** Noise is found to so many digits. */
const DIGITS = 5

/**
 * The least noise with which so many steps stay within ε at δ, rounded up to 5 digits; undefined if no noise does.
 * @returns in units of the clipping norm
 */
export function noiseFor({
  epsilon,
  delta,
  rate,
  steps,
}: Omit<Spent, 'noise'> & { readonly epsilon: number; readonly delta: number }): number | undefined {
  const holds = (noise: number) => epsilonAfter({ noise, rate, steps, delta }) <= epsilon
  let high = 1
  while (!holds(high)) {
    if (high > MOST_NOISE) return undefined
    high *= 2
  }
  let low = high / 2
  while (holds(low)) low /= 2
  const least = leastThatHolds(holds, { low, high, within: 10 ** -DIGITS / 10 })
  const unit = 10 ** (Math.floor(Math.log10(least)) - DIGITS + 1)
  return Number((Math.ceil(least / unit) * unit).toPrecision(DIGITS))
}
