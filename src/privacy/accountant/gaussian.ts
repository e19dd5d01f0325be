import { leastThatHolds } from './bisect.ts'
import { cumulative, density, millsRatio } from './normal.ts'

/**
 * The least δ at which the Gaussian mechanism is (ε, δ)-private, exactly:
 * δ(ε) = Φ(1/2z - εz) - e^ε Φ(-1/2z - εz) (Balle and Wang 2018, arXiv:1805.06530, theorem 8).
 * @param noise z, its standard deviation in units of the sensitivity; T rounds of it are one of z / √T
 */
export function gaussianDelta(noise: number, epsilon: number): number {
  if (noise === 0) return 1
  const upper = 1 / (2 * noise) - epsilon * noise
  const lower = -1 / (2 * noise) - epsilon * noise
  if (epsilon < 0) return cumulative(upper) - Math.exp(epsilon) * cumulative(lower)
  // e^ε φ(lower) = φ(upper): with Mills ratios, neither e^ε nor a tail leaves the range of numbers.
  if (upper < 0) return density(upper) * (millsRatio(-upper) - millsRatio(-lower))
  return cumulative(upper) - density(upper) * millsRatio(-lower)
}

/** The least ε at which it is (ε, δ)-private; infinite without noise. */
export function gaussianEpsilon(noise: number, delta: number): number {
  if (noise === 0) return Number.POSITIVE_INFINITY
  const holds = (epsilon: number) => gaussianDelta(noise, epsilon) <= delta
  if (holds(0)) return 0
  let high = 1
  while (!holds(high)) high *= 2
  return leastThatHolds(holds, { low: 0, high })
}
