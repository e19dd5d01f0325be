import { z } from 'zod'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { type HeadPart, headOf, headOptions } from './head.ts'
import { solveRidge } from './solve.ts'

/**
 * Classes are Gaussian with means μ_c, shares π_c and one covariance Σ: the logit of c is
 * μ_cᵀ Σ⁻¹ z - ½ μ_cᵀ Σ⁻¹ μ_c + log π_c. A class without images gets no logit that wins.
 */
export const lda = {
  summary: "linear discriminants of the classes' means and one covariance, from sums over all owners",
  source: 'Fisher 1936; Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, eq. 4.10',
  options: z.strictObject(headOptions),
  make: ({ lambda, random }) => ({ random, fit: (sums, signal?: AbortSignal) => discriminants(sums, lambda, signal) }),
} satisfies HeadPart<{ lambda: number; random: number }>

async function discriminants(
  { gram, cross, size, classes, images }: HeadStatistics,
  lambda: number,
  signal: AbortSignal | undefined,
) {
  const features = size - 1
  const counts = cross.subarray(features * classes)
  const mean = (feature: number, c: number) => (counts[c] ? cross[feature * classes + c]! / counts[c]! : 0)
  const means = Float64Array.from({ length: features * classes }, (_, i) => mean(Math.floor(i / classes), i % classes))
  // Σ (z - μ)(z - μ)ᵀ, each z with the mean of its class.
  const within = new Float64Array(features ** 2)
  for (let a = 0; a < features; a++) {
    for (let b = 0; b < features; b++) {
      let sum = gram[a * size + b]!
      for (let c = 0; c < classes; c++) sum -= counts[c]! * means[a * classes + c]! * means[b * classes + c]!
      within[a * features + b] = sum
    }
  }
  const inverse = await solveRidge({ a: within, b: means, size: features, images }, lambda, signal)
  const solved = inverse.map((value) => value * images)
  const x = new Float64Array(size * classes)
  x.set(solved)
  for (let c = 0; c < classes; c++) {
    let half = 0
    for (let a = 0; a < features; a++) half += (means[a * classes + c]! * solved[a * classes + c]!) / 2
    x[features * classes + c] = Math.log(Math.max(counts[c]!, 1e-9) / images) - half
  }
  return headOf(x, { size, classes })
}
