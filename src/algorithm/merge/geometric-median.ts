import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { squaredDistances } from './shared/distances.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'
import { weightedMean } from './shared/weighted-mean.ts'

/**
 * The z of smallest Σ αₖ ‖z - wₖ‖, whole models as one vector, by Weiszfeld's steps from the mean:
 * z ← Σ βₖ wₖ / Σ βₖ with βₖ = αₖ / max(ν, ‖z - wₖ‖).
 *
 * Each z is Σ sₖ wₖ for shares s whose sum is 1, so that only the shares are worked out, from the distances between
 * models: ‖z - wₖ‖² = Σⱼ sⱼ Dₖⱼ - ½ Σᵢⱼ sᵢ sⱼ Dᵢⱼ with Dᵢⱼ = ‖wᵢ - wⱼ‖².
 */
export const geometricMedian = {
  summary: "the model with the smallest sum of distances to the owners' models",
  source: 'RFA: Pillutla, Kakade and Harchaoui 2022, arXiv:1912.13445, algorithm 2',
  when: 'fewer than half of at least three owners may be faulty or hostile, each with its whole model',
  needs: 'each',
  options: z.strictObject({
    smoothing: z.number().gt(0).default(1e-6).describe('the least distance that counts (the nu of the paper)'),
    iterations: z.int().min(1).default(100).describe('steps of Weiszfeld at most'),
    weights: ownerWeights(),
  }),
  check({ weights }, owners) {
    if (owners > 2) return undefined
    if (weights === 'images') return `the geometric median of ${owners} is the model of the owner with more images`
    return `the geometric median of ${owners} is their mean, which is the rule avg`
  },
  make: ({ smoothing, iterations, weights }) => ({
    look(models, owners) {
      const alphas = factorsOf(weights, owners)
      const shares = weiszfeld(squaredDistances(models), alphas, smoothing, iterations)
      return (values, _owners, out) => weightedMean(values, shares, out)
    },
  }),
} satisfies MergeRule<{ smoothing: number; iterations: number; weights: OwnerWeighting }>

/** Shares that change by no more than this are there. */
const SETTLED = 1e-9

function weiszfeld(
  squared: readonly (readonly number[])[],
  alphas: readonly number[],
  smoothing: number,
  iterations: number,
): number[] {
  let shares = normalised(alphas)
  for (let step = 0; step < iterations; step++) {
    const toModels = squared.map((row) => row.reduce((sum, distance, j) => sum + shares[j]! * distance, 0))
    const half = toModels.reduce((sum, one, i) => sum + shares[i]! * one, 0) / 2
    const betas = toModels.map((one, k) => alphas[k]! / Math.max(smoothing, Math.sqrt(Math.max(0, one - half))))
    const before = shares
    shares = normalised(betas)
    if (shares.every((share, k) => Math.abs(share - before[k]!) <= SETTLED)) break
  }
  return shares
}

function normalised(factors: readonly number[]): number[] {
  const total = factors.reduce((sum, factor) => sum + factor, 0)
  return factors.map((factor) => factor / total)
}
