import type { HeadStatistics } from '../engine/head-statistics.ts'
import { fromWide, toWide } from '../privacy/masks/wide-point.ts'
import { halfOf, wholeOf } from './head-tensors.ts'

type Sizes = Pick<HeadStatistics, 'size' | 'classes'>

/** The values of an owner's sums: half of the symmetric matrix, as in its tensor, and then the other. */
const valuesOf = ({ size, classes }: Sizes) => (size * (size + 1)) / 2 + size * classes

/** Words of an owner's sums under masks: two for each value. */
export const lengthOfSums = (sizes: Sizes): number => 2 * valuesOf(sizes)

/** The same in bytes. */
export const bytesOfSums = (sizes: Sizes): number => 4 * lengthOfSums(sizes)

/** Sums in whole numbers. @param digits as `digitsFor` gives them */
export function wordsOfSums({ size, classes, gram, cross }: HeadStatistics, digits: number): Uint32Array {
  const values = new Float64Array(valuesOf({ size, classes }))
  const half = halfOf(gram, size)
  values.set(half)
  values.set(cross, half.length)
  return toWide(values, digits)
}

/** The sums of such words. */
export function sumsOfWords(words: Int32Array, { size, classes, images }: Sizes & { images: number }, digits: number) {
  const values = fromWide(words, digits)
  const half = values.length - size * classes
  return { images, size, classes, gram: wholeOf(values.subarray(0, half), size), cross: values.slice(half) }
}
