import { z } from 'zod'
import { stream } from '../../random.ts'
import type { MergeRule } from './rule.ts'
import { disjointMean } from './shared/disjoint-mean.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'

/**
 * b + λ times the mean, or the disjoint mean of TIES, of the owners' changes, each value of which is kept with
 * probability `density` and divided by it, else dropped; b is the model that the owners trained from. What is dropped
 * follows from (seed, round, owner, tensor) alone. With `combine: ties` nothing is trimmed beside it.
 */
export const dare = {
  summary: "the owners' changes, of which a random share is kept and scaled up, averaged or merged as in ties",
  source: 'DARE: Yu et al. 2024, arXiv:2311.03099',
  when: 'only to study how many of the changes are needed: it adds noise, and its mean over seeds is that of all changes',
  needs: 'each',
  options: z.strictObject({
    density: z.number().gt(0).max(1).default(0.5).describe('share of the changes that is kept (1 - p in the paper)'),
    combine: z.enum(['mean', 'ties']).default('mean').describe('what is made of the changes that are kept'),
    lambda: z.number().gt(0).default(1).describe('how far to go in the direction of the merged change'),
    seed: z.int().min(0).default(0).describe('of what is dropped'),
    weights: ownerWeights(),
  }),
  uses: () => ['base'],
  check({ density, combine, lambda, weights }) {
    if (density < 1) return undefined
    if (combine === 'ties') return 'density 1 drops nothing, which is the rule ties with density 1'
    if (lambda !== 1) return `density 1 drops nothing, which is the rule task-arithmetic with normalise`
    return `density 1 drops nothing, which is the rule ${weights === 'images' ? 'weighted-avg' : 'avg'}`
  },
  make: ({ density, combine, lambda, seed, weights }) => {
    return (values, owners, out, { name, round, base }) => {
      const factors = factorsOf(weights, owners)
      const streams = owners.map(({ owner }) => stream(seed, 'dare', round, owner, name))
      const merge = combine === 'ties' ? disjointMean : mean
      const changes = new Float64Array(values.length)
      for (let i = 0; i < out.length; i++) {
        for (let k = 0; k < values.length; k++) {
          const change = values[k]![i]! - base![i]!
          // 0 times NaN is NaN: what is broken is not dropped.
          changes[k] = streams[k]!.uniform() < density ? change / density : 0 * change
        }
        out[i] = base![i]! + lambda * merge(changes, factors)
      }
    }
  },
} satisfies MergeRule<{
  density: number
  combine: 'mean' | 'ties'
  lambda: number
  seed: number
  weights: OwnerWeighting
}>

function mean(changes: Float64Array, factors: readonly number[]): number {
  let sum = 0
  let total = 0
  for (let k = 0; k < changes.length; k++) {
    sum += factors[k]! * changes[k]!
    total += factors[k]!
  }
  return sum / total
}
