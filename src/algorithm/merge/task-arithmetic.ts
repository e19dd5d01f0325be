import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'

/**
 * b + λ Σ aₖ (wₖ - b), or with `normalise` b + λ Σ aₖ (wₖ - b) / K, with b the model that the owners trained from. aₖ is
 * 1, or by images nₖ in units of the mean of n₁, …, n_K.
 */
export const taskArithmetic = {
  summary: "the received model and lambda times the sum, or the mean, of the owners' changes",
  source: 'Ilharco et al. 2023, arXiv:2212.04089',
  when: 'owners learn different things, and their changes should add up rather than be averaged',
  needs: 'sum',
  options: z.strictObject({
    lambda: z.number().gt(0).default(0.4).describe('how far to go in the direction of the changes'),
    normalise: z.boolean().default(false).describe('whether the changes are averaged, not summed'),
    weights: ownerWeights(),
  }),
  uses: () => ['base'],
  check({ lambda, normalise, weights }, owners) {
    if (Math.abs((normalise ? lambda : lambda * owners) - 1) > 1e-9) return undefined
    const rule = weights === 'images' ? 'weighted-avg' : 'avg'
    return `lambda ${lambda} times the ${normalise ? 'mean' : 'sum'} of ${owners} changes is the rule ${rule}`
  },
  make: ({ lambda, normalise, weights }) => {
    return (values, owners, out, { base }) => {
      const factors = factorsOf(weights, owners)
      const total = factors.reduce((sum, factor) => sum + factor, 0)
      const scale = (normalise ? lambda : lambda * owners.length) / total
      for (let i = 0; i < out.length; i++) {
        const from = base![i]!
        let sum = 0
        for (let k = 0; k < factors.length; k++) sum += factors[k]! * (values[k]![i]! - from)
        out[i] = from + scale * sum
      }
    }
  },
} satisfies MergeRule<{ lambda: number; normalise: boolean; weights: OwnerWeighting }>
