import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { squaredDistances } from './shared/distances.ts'
import { krumOrder, tooFewForKrum } from './shared/krum-order.ts'
import { weightedMean } from './shared/weighted-mean.ts'

/** The mean of the m owners' models of lowest score in the sense of Krum. */
export const multiKrum = {
  summary: 'mean of the models of the m owners that are nearest to their neighbours',
  source: 'Multi-Krum: Blanchard et al. 2017, arXiv:1703.02757',
  when: 'up to f owners may be hostile as a whole; it learns from more owners than krum does',
  needs: 'each',
  options: z.strictObject({
    f: z.int().min(0).default(1).describe('owners that may be faulty or hostile'),
    m: z
      .int()
      .min(1)
      .optional()
      .describe('owners whose models are averaged; default: all but f')
      .meta({ examples: [3] }),
  }),
  undefinedOn: ({ f, m = 1 }, owners) =>
    tooFewForKrum(f, owners) ??
    (m > owners - f ? `m ${m} of ${owners} owners takes in some of the f ${f} that may be hostile` : undefined),
  check({ f, m }, owners) {
    if (m === 1) return 'm 1 takes one owner, which is the rule krum'
    return (m ?? owners - f) === owners ? `m ${owners} takes all ${owners} owners, which is the rule avg` : undefined
  },
  make: ({ f, m }) => ({
    look(models) {
      const order = krumOrder(squaredDistances(models), [...models.keys()], f)
      const nearest = new Set(order.slice(0, m ?? models.length - f))
      const factors = models.map((_, k) => (nearest.has(k) ? 1 : 0))
      return (values, _owners, out) => weightedMean(values, factors, out)
    },
  }),
} satisfies MergeRule<{ f: number; m?: number | undefined }>
