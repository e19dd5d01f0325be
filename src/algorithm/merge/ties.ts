import { z } from 'zod'
import type { MergeRule } from './rule.ts'
import { disjointMean } from './shared/disjoint-mean.ts'
import { factorsOf, type OwnerWeighting, ownerWeights } from './shared/owner-weights.ts'

/**
 * b + λ times the disjoint mean of the owners' trimmed changes, with b the model that the owners trained from. Trimmed,
 * a change keeps the share `density` of its values, those of largest magnitude, and is 0 elsewhere. As in the paper the
 * values of a whole model are ranked together, and the sign is elected by the changes themselves; `weights: images`
 * elects and averages by changes times images.
 */
export const ties = {
  summary: "the owners' largest changes of each weight, averaged over those of the sign with more behind it",
  source: 'TIES-Merging: Yadav et al. 2023, arXiv:2306.01708, algorithm 1',
  when: "owners' changes are sparse and get in each other's way, as with unlike data",
  needs: 'each',
  options: z.strictObject({
    density: z.number().gt(0).max(1).default(0.2).describe('share of its changes that each owner keeps'),
    lambda: z.number().gt(0).default(1).describe('how far to go in the direction of the merged change'),
    trim: z.enum(['model', 'tensor']).default('model').describe('whether the share is of a whole model or each tensor'),
    weights: ownerWeights(),
  }),
  uses: () => ['base'],
  make: ({ density, lambda, trim, weights }) => ({
    look(models, owners, { base }) {
      const factors = factorsOf(weights, owners)
      const least = (pairs: readonly Pair[]) => smallestKept(pairs, density)
      const inModel = models.map((model) => [...model].map(([name, { data }]): Pair => [data, base!.get(name)!.data]))
      const ofModel = trim === 'model' ? inModel.map(least) : undefined
      return (values, _owners, out, tensor) => {
        const from = tensor.base!
        const bounds = ofModel ?? values.map((data) => least([[data, from]]))
        const changes = new Float64Array(values.length)
        for (let i = 0; i < out.length; i++) {
          for (let k = 0; k < values.length; k++) {
            const change = values[k]![i]! - from[i]!
            // A NaN is kept: no comparison with it holds.
            changes[k] = Math.abs(change) < bounds[k]! ? 0 : change
          }
          out[i] = from[i]! + lambda * disjointMean(changes, factors)
        }
      }
    },
  }),
} satisfies MergeRule<{ density: number; lambda: number; trim: 'model' | 'tensor'; weights: OwnerWeighting }>

/** Values of a tensor, and those that they came from. */
type Pair = readonly [data: Float32Array, from: Float32Array]

/**
 * The magnitude of the smallest change that is kept: the ⌊density · n⌋-th largest of n, at least the largest. Changes as
 * large as that are kept too.
 */
function smallestKept(pairs: readonly Pair[], density: number): number {
  const sizes = new Float64Array(pairs.reduce((sum, [data]) => sum + data.length, 0))
  let at = 0
  for (const [data, from] of pairs) for (let i = 0; i < data.length; i++) sizes[at++] = Math.abs(data[i]! - from[i]!)
  // 0.29 · 100 is 29, though floating point has it a little below.
  const kept = Math.max(1, Math.floor(density * sizes.length + 1e-9))
  return sizes.sort()[sizes.length - kept] ?? 0
}
