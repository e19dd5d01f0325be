import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { squaredDistances } from './shared/distances.ts'
import { krumOrder, tooFewForKrum } from './shared/krum-order.ts'
import { weightedMean } from './shared/weighted-mean.ts'

/** The wₖ with the smallest Σ‖wₖ - wⱼ‖² over its K - f - 2 nearest others, whole models as one vector. */
export const krum = {
  summary: 'the model of the one owner that is nearest to its neighbours',
  source: 'Blanchard et al. 2017, arXiv:1703.02757, section 4',
  when: 'up to f owners may be hostile, and one honest model is enough; it leaves what the others learned',
  needs: 'each',
  options: z.strictObject({ f: z.int().min(0).default(1).describe('owners that may be faulty or hostile') }),
  undefinedOn: ({ f }, owners) => tooFewForKrum(f, owners),
  make: ({ f }) => ({
    look(models) {
      const order = krumOrder(squaredDistances(models), [...models.keys()], f)
      const factors = models.map((_, k) => (k === order[0] ? 1 : 0))
      return (values, _owners, out) => weightedMean(values, factors, out)
    },
  }),
} satisfies MergeRule<{ f: number }>
