import { takeSums } from '../../weights/sums.ts'
import type { OwnerWeights } from './rule.ts'
import type { KernelOf } from './streaming.ts'

/**
 * Σ factors[k] * values[k] / Σ factors for every element, in double precision and in the owners' order. The sum
 * comes first and the division last, so that equal weights with whole factors give exactly that weight.
 */
export const mean =
  (factor: (owner: OwnerWeights) => number): KernelOf =>
  ({ values, heldSums, heldValues, result, sweeps }) => ({
    factor,
    create: takeSums,
    values,
    held: heldSums,
    merged: result,
    first(block, bytes, factor) {
      values.set(block)
      sweeps.start(bytes, factor, 0, 0)
    },
    next(bytes, factor) {
      sweeps.add(bytes, factor, 0, 0)
    },
    finish(bytes, total) {
      if (isPowerOfTwo(total)) sweeps.multiply(bytes, 0, 1 / total, 0)
      else sweeps.divide(bytes, 0, total, 0)
    },
    last(bytes, factor, total) {
      if (isPowerOfTwo(total)) sweeps.addMultiply(bytes, factor, 1 / total, 0)
      else sweeps.addDivide(bytes, factor, total, 0)
    },
    pair(one, other, bytes, [first, factor], total) {
      heldValues.set(one)
      values.set(other)
      if (isPowerOfTwo(total)) sweeps.pairMultiply(bytes, factor, 1 / total, first)
      else sweeps.pairDivide(bytes, factor, total, first)
    },
  })

/** Its reciprocal is exact then, and to multiply is faster. */
const isPowerOfTwo = (total: number) => Number.isInteger(Math.log2(total))
