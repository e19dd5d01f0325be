import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { sorted } from './sorted.ts'

/** The mean of w₁, …, w_K without the ⌊βK⌋ smallest and the ⌊βK⌋ largest of them, for each weight by itself. */
export const trimmedMean = {
  summary: 'mean of each weight without its smallest and largest values',
  source: 'Yin et al. 2018, arXiv:1803.01498, definition 2',
  when: 'a share beta of the owners at most may be faulty or hostile; closer to avg than the median is',
  needs: 'each',
  options: z.strictObject({
    beta: z
      .number()
      .min(0)
      .lt(0.5)
      .default(0.1)
      .describe('share of the owners to leave out at each end, from 0 to below 0.5'),
  }),
  check({ beta }, owners) {
    const cut = trimmed(beta, owners)
    if (cut === 0) return `beta ${beta} trims none of ${owners} owners, which is the rule avg`
    if (owners - 2 * cut <= 2)
      return `beta ${beta} leaves ${owners - 2 * cut} of ${owners} owners, which is the rule median`
    return undefined
  },
  make: ({ beta }) => {
    return (values, owners, out) => {
      const cut = trimmed(beta, owners.length)
      const column = new Float32Array(owners.length)
      for (let i = 0; i < out.length; i++) {
        let sum = sorted(values, i, column) ? -0 : NaN
        for (let k = cut; k < column.length - cut; k++) sum += column[k]!
        out[i] = sum / (column.length - 2 * cut)
      }
    }
  },
} satisfies MergeRule<{ beta: number }>

/** ⌊βK⌋, where 0.29 × 100 is 29 though floating point has it a little below; at least one owner is left. */
function trimmed(beta: number, owners: number): number {
  return Math.min(Math.floor(beta * owners + 1e-9), Math.floor((owners - 1) / 2))
}
