import { z } from 'zod'
import { avg } from './avg.ts'
import type { MergeRule } from './rule.ts'

/** (w₁ + … + w_n) / n over the unified models of the last n rounds, fewer in the first rounds. */
export const lastRounds = {
  summary: "mean of the last rounds' unified models, which is only evaluated",
  source: 'SWA: Izmailov et al. 2018, arXiv:1803.05407, on the unified models of rounds',
  when: 'beside another rule: unified models go to and fro, and their mean may be better than each of them',
  needs: 'sum',
  options: z.strictObject({
    rounds: z.int().min(2).max(100).default(5).describe('how many rounds, the present one included'),
  }),
  last: ({ rounds }) => rounds,
  make: avg.make,
} satisfies MergeRule<{ rounds: number }>
