import { z } from 'zod'
import type { MergeRule } from './rule.ts'

/**
 * The wₖ of largest |wₖ|: the reading of eq. 6 under which the paper's tables come out. Magnitude selects, the sign
 * stays. Of equal magnitude and opposite sign the positive value wins, so that the owners' order does not matter.
 */
export const absmax = {
  summary: 'value of largest magnitude of each weight, with its sign',
  source: 'Lee 2021, eq. 6, signed',
  when: "to reproduce the paper's tables",
  needs: 'each',
  options: z.strictObject({}),
  make: () => (values, _owners, out) => {
    for (let i = 0; i < out.length; i++) {
      let widest = values[0]![i]!
      for (const w of values) {
        const [a, b] = [Math.abs(w[i]!), Math.abs(widest)]
        // A NaN is taken, and kept: no comparison with it holds.
        if (a > b || (a === b && w[i]! > widest) || Number.isNaN(a)) widest = w[i]!
      }
      out[i] = widest
    }
  },
} satisfies MergeRule
