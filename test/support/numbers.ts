import { type Purpose, stream } from '../../src/random.ts'

/** `count` float32 numbers, uniform in ±1. */
export function noise(count: number, seed: number, purpose: Purpose = 'subset'): Float32Array {
  const random = stream(seed, purpose)
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1)
}

export const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0))

/** ‖a - b‖ / ‖b‖ over all elements of a tensor. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  return norm(Array.from(a, (value, i) => value - b[i]!)) / norm(b)
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

/** The bit patterns, so that equality means equality to the last bit, -0 and NaN told apart. */
export const bits = (values: Float32Array): number[] => Array.from(new Uint32Array(values.slice().buffer))

/** Bit patterns; all NaNs are one, because JavaScript does not say which of them a sum is. */
export const patterns = (values: Float32Array | Float64Array): number[] =>
  Array.from(new Uint32Array(values.map((value) => (Number.isNaN(value) ? Number.NaN : value)).buffer))
