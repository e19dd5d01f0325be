import type { OwnerWeights } from './rule.ts'
import { heldSums, result, sweeps } from './simd/kernels.ts'
import type { Kernel } from './streaming.ts'

/**
 * Σ factors[k] * values[k] / Σ factors for every element, in double precision and in the owners' order. The sum
 * comes first and the division last, so that equal weights with whole factors give exactly that weight.
 */
export const mean = (factor: (owner: OwnerWeights) => number): Kernel => ({
  factor,
  create: (length) => new Float64Array(length),
  held: heldSums,
  merged: result,
  first: sweeps.start,
  next: sweeps.add,
  last(bytes, total) {
    // Of a power of two the reciprocal is exact, and to multiply is faster.
    if (Number.isInteger(Math.log2(total))) sweeps.multiply(bytes, 1 / total)
    else sweeps.divide(bytes, total)
  },
})
