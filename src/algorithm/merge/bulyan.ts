import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { squaredDistances } from './shared/distances.ts'
import { krumOrder } from './shared/krum-order.ts'
import { sorted } from './sorted.ts'

/**
 * Krum chooses θ = K - 2f owners, one after another, each among those that are left. Of each weight the θ - 2f values
 * nearest to the median of theirs are averaged; of an even θ that is the lower one in the middle, and of two values that
 * are as near the lower one is taken.
 */
export const bulyan = {
  summary: "mean of each weight's values nearest to their median, of owners that krum chooses",
  source: 'El Mhamdi, Guerraoui and Rouault 2018, arXiv:1802.07927',
  when: 'up to f owners may be hostile, even in a few weights alone; it needs many owners',
  needs: 'each',
  options: z.strictObject({ f: z.int().min(1).default(1).describe('owners that may be faulty or hostile') }),
  undefinedOn: ({ f }, owners) =>
    owners < 4 * f + 3 ? `with f ${f} it needs ${4 * f + 3} owners or more (4f + 3), there are ${owners}` : undefined,
  make: ({ f }) => ({
    look(models) {
      const squared = squaredDistances(models)
      const chosen: number[] = []
      while (chosen.length < models.length - 2 * f) {
        const left = [...models.keys()].filter((k) => !chosen.includes(k))
        const [nearest] = krumOrder(squared, left, f)
        // A model is broken: then all are looked at, and its NaN is found.
        chosen.push(...(nearest === undefined ? left : [nearest]))
      }
      return (values, _owners, out) => {
        const some = chosen.map((k) => values[k]!)
        const column = new Float32Array(some.length)
        for (let i = 0; i < out.length; i++)
          out[i] = sorted(some, i, column) ? aroundMedian(column, some.length - 2 * f) : Number.NaN
      }
    },
  }),
} satisfies MergeRule<{ f: number }>

/** The mean of the `count` values nearest to the median. @param column in order of size */
function aroundMedian(column: Float32Array, count: number): number {
  let low = Math.floor((column.length - 1) / 2)
  let high = low
  const median = column[low]!
  while (high - low + 1 < count) {
    const below = low === 0 ? Number.POSITIVE_INFINITY : median - column[low - 1]!
    const above = high === column.length - 1 ? Number.POSITIVE_INFINITY : column[high + 1]! - median
    if (below <= above) low -= 1
    else high += 1
  }
  let sum = -0
  for (let k = low; k <= high; k++) sum += column[k]!
  return sum / count
}
