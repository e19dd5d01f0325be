import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { sorted } from './sorted.ts'

/** The middle one of w₁, …, w_K in order of size; of an even number the mean of the two in the middle. */
export const median = {
  summary: 'median of each weight',
  source: 'Yin et al. 2018, arXiv:1803.01498, definition 1',
  when: 'fewer than half of at least three owners may be faulty or hostile; it ignores how far off they are',
  needs: 'each',
  options: z.strictObject({}),
  check: (_, owners) => (owners <= 2 ? `the median of ${owners} is their mean, which is the rule avg` : undefined),
  make: () => (values, owners, out) => {
    const [low, high] = [Math.floor((owners.length - 1) / 2), Math.floor(owners.length / 2)]
    const column = new Float32Array(owners.length)
    for (let i = 0; i < out.length; i++) out[i] = sorted(values, i, column) ? (column[low]! + column[high]!) / 2 : NaN
  },
} satisfies MergeRule
