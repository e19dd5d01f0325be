import { heldValues, sweeps, values } from './simd/kernels.ts'
import type { Kernel } from './streaming.ts'

/**
 * For every element the value of the owner that `better` chooses, the owners taken in order; the first owner holds
 * ties. A NaN is always taken and, since no comparison with it holds, kept: no rule hides that a model is broken.
 */
export const choice = (better: 'max' | 'absmax' | 'magnitude'): Kernel => ({
  factor: () => 1,
  create: (length) => new Float32Array(length),
  held: heldValues,
  merged: heldValues,
  first(bytes) {
    if (better === 'magnitude') {
      heldValues.fill(0)
      sweeps.magnitude(bytes, 1)
    } else heldValues.set(values)
  },
  next: sweeps[better],
  last() {},
})
