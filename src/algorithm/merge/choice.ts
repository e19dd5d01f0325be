import type { KernelOf } from './streaming.ts'

/**
 * For every element the value of the owner that `better` chooses, the owners taken in order; the first owner holds
 * ties. A NaN is always taken and, since no comparison with it holds, kept: no rule hides that a model is broken.
 */
export const choice =
  (better: 'max' | 'absmax' | 'magnitude'): KernelOf =>
  ({ values, heldValues, sweeps }) => {
    const next = (bytes: number) => sweeps[better](bytes, 0, 0, 0)
    const first = (block: Float32Array, bytes: number) => {
      if (better === 'magnitude') {
        heldValues.fill(0)
        values.set(block)
        next(bytes)
      } else heldValues.set(block)
    }
    return {
      factor: () => 1,
      create: (_, result) => result,
      values,
      held: heldValues,
      merged: heldValues,
      first,
      next,
      finish() {},
      last: next,
      pair(one, other, bytes) {
        first(one, bytes)
        values.set(other)
        next(bytes)
      },
    }
  }
