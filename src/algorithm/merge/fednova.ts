import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'

/**
 * w + (Σ pₖ τₖ) Σ pₖ (wₖ - w) / τₖ, with w the model that the owners trained from, τₖ the steps of plain SGD that owner k
 * went in the round, and pₖ its images, or 1, in units of the sum over all owners. What an owner says of its steps is
 * believed.
 */
export const fednova = {
  summary: "the owners' changes, each in units of its own steps, times the mean number of steps",
  source: 'Wang et al. 2020, arXiv:2007.07481 (FedNova)',
  when: 'owners make different numbers of steps, and those with many should not count for more than their images',
  needs: 'sum',
  options: z.strictObject({ weights: ownerWeights('images') }),
  uses: () => ['base', 'steps'],
  make: ({ weights }) => {
    return (values, owners, out, { base }) => {
      const factors = factorsOf(weights, owners)
      const total = factors.reduce((sum, factor) => sum + factor, 0)
      const steps = owners.map(({ owner, steps }) => {
        if (steps === undefined) throw new Error(`nothing is known of how many steps owner ${owner} went`)
        return steps
      })
      const mean = factors.reduce((sum, factor, k) => sum + (factor / total) * steps[k]!, 0)
      const shares = factors.map((factor, k) => ((factor / total) * mean) / steps[k]!)
      for (let i = 0; i < out.length; i++) {
        const from = base![i]!
        let sum = 0
        for (let k = 0; k < shares.length; k++) sum += shares[k]! * (values[k]![i]! - from)
        out[i] = from + sum
      }
    }
  },
} satisfies MergeRule<{ weights: OwnerWeighting }>
