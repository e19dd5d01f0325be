import type { MergeName } from '../../src/algorithm/merge/registry.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'

/** What each rule says, element by element and as plainly as can be: owners in their order, double precision. */
const RULES: Record<MergeName, (values: readonly number[], images: readonly number[]) => number> = {
  avg: (values) => values.reduce((sum, value) => sum + value, -0) / values.length,
  'weighted-avg': (values, images) =>
    values.reduce((sum, value, k) => sum + images[k]! * value, -0) / images.reduce((sum, count) => sum + count, 0),
  max: (values) => values.reduce((held, value) => (value > held || Number.isNaN(value) ? value : held)),
  absmax: (values) =>
    values.reduce((held, value) => {
      const [a, b] = [Math.abs(value), Math.abs(held)]
      return a > b || (a === b && value > held) || Number.isNaN(value) ? value : held
    }),
  'absmax-literal': (values) => values.reduce((held, value) => Math.max(held, Math.abs(value)), 0),
}

/** The merge of the owners' tensor `w`. */
export function plainMerge(name: MergeName, owners: readonly OwnerWeights[]): Float32Array {
  const rows = owners.map(({ weights }) => weights.get('w')!.data)
  const images = owners.map(({ trainImages }) => trainImages)
  return rows[0]!.map((_, i) =>
    RULES[name](
      rows.map((row) => row[i]!),
      images,
    ),
  )
}
