import { z } from 'zod'
import type { MergeRule } from './rule.ts'

/** max(|w₁|, …, |w_K|). It drops every sign, so a merged network computes next to nothing: accuracy stays at chance. */
export const absmaxLiteral = {
  summary: 'largest magnitude of each weight, the sign dropped as eq. 6 prints it',
  source: 'Lee 2021, eq. 6, as printed',
  when: 'only to see that eq. 6 cannot have been meant as it is printed',
  needs: 'each',
  options: z.strictObject({}),
  make: () => (values, _owners, out) => {
    for (let i = 0; i < out.length; i++) {
      let largest = 0
      for (const w of values) largest = Math.max(largest, Math.abs(w[i]!))
      out[i] = largest
    }
  },
} satisfies MergeRule
