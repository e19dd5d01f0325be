import { z } from 'zod'
import type { MergeRule } from './rule.ts'

/**
 * (n₁ w₁ + … + n_K w_K) / (n₁ + … + n_K) for owners with nₖ training images. The sum comes first and the division last,
 * in double precision, so that equal weights give exactly that weight.
 */
export const weightedAvg = {
  summary: "mean of the owners' weights, each counted by its training images",
  source: 'FedAvg: McMahan et al. 2017, arXiv:1602.05629, algorithm 1',
  when: 'owners have unequal numbers of images, and every image should count the same',
  needs: 'sum',
  options: z.strictObject({}),
  make: () => (values, owners, out) => {
    const images = owners.reduce((sum, { trainImages }) => sum + trainImages, 0)
    for (let i = 0; i < out.length; i++) {
      let sum = -0 // What leaves every number as it is, -0 too.
      for (let k = 0; k < owners.length; k++) sum += owners[k]!.trainImages * values[k]![i]!
      out[i] = sum / images
    }
  },
} satisfies MergeRule
