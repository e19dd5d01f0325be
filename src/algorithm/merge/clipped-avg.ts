import { z } from 'zod'
import { squaredDistance } from '../../weights/distance.ts'
import type { MergeRule } from './rule.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'

/** b + Σ fₖ min(1, C / ‖wₖ - b‖) (wₖ - b) / Σ fₖ, with b the model that the owners trained from. */
export const clippedAvg = {
  summary: "mean of the owners' changes, each scaled down to a length of at most the bound",
  source: 'McMahan et al. 2018, arXiv:1710.06963 (flat clipping); Sun et al. 2019, arXiv:1911.07963',
  when: 'no owner may move the model by more than a bound, however far off it is',
  needs: 'each',
  options: z.strictObject({
    bound: z
      .number()
      .gt(0)
      .describe("largest length (L2, over all tensors) of an owner's change in a round")
      .meta({ examples: [1] }),
    weights: ownerWeights(),
  }),
  uses: () => ['base'],
  make: ({ bound, weights }) => ({
    look(models, owners, { base }) {
      const factors = factorsOf(weights, owners)
      const total = factors.reduce((sum, factor) => sum + factor, 0)
      const shares = models.map(
        (model, k) => (factors[k]! / total) * clip(Math.sqrt(squaredDistance(model, base!)), bound),
      )
      return (values, _owners, out, tensor) => {
        for (let i = 0; i < out.length; i++) {
          const from = tensor.base![i]!
          let change = 0
          for (let k = 0; k < shares.length; k++) change += shares[k]! * (values[k]![i]! - from)
          out[i] = from + change
        }
      }
    },
  }),
} satisfies MergeRule<{ bound: number; weights: OwnerWeighting }>

/** A change of no length stays one, and a NaN too. */
const clip = (length: number, bound: number) => (length <= bound ? 1 : bound / length)
