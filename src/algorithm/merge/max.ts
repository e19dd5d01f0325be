import { z } from 'zod'
import type { MergeRule } from './rule.ts'

/** max(w₁, …, w_K). Of equal values (0 and -0) the first owner's. */
export const max = {
  summary: 'largest value of each weight',
  source: 'Lee 2021, eq. 5',
  when: "to reproduce the paper's tables",
  needs: 'each',
  options: z.strictObject({}),
  make: () => (values, _owners, out) => {
    for (let i = 0; i < out.length; i++) {
      let largest = values[0]![i]!
      // A NaN is taken, and kept: no comparison with it holds.
      for (const w of values) if (w[i]! > largest || Number.isNaN(w[i])) largest = w[i]!
      out[i] = largest
    }
  },
} satisfies MergeRule
