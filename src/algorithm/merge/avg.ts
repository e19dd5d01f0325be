import { z } from 'zod'
import type { MergeRule } from './rule.ts'

/** (w₁ + … + w_K) / K, summed in double precision and in the owners' order. */
export const avg = {
  summary: "mean of the owners' weights",
  source: 'Lee 2021, eq. 4',
  when: 'the default: owners count the same, however many images they have',
  needs: 'sum',
  options: z.strictObject({}),
  make: () => (values, owners, out) => {
    for (let i = 0; i < out.length; i++) {
      let sum = -0 // What leaves every number as it is, -0 too.
      for (const w of values) sum += w[i]!
      out[i] = sum / owners.length
    }
  },
} satisfies MergeRule
