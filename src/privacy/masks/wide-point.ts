/** Largest mean square of a feature over an owner's images, if an experiment does not say it. */
export const HEAD_RANGE = 2 ** 16

/** The most that it may say: with up to 2^30 images a level is no more than 1. */
export const MOST_HEAD_RANGE = 2 ** 32

/**
 * Digits behind the point of numbers that are summed modulo 2^64: a level is 2^-digits, so that whole numbers stay whole.
 * The sum of numbers of at most range · images each, over so many images in all, is 2^62 levels at most, and the rounding
 * of 2^32 owners does not take it beyond 2^63.
 */
export const digitsFor = (images: number, range: number): number => Math.floor(Math.log2(2 ** 62 / (range * images)))

/**
 * Writes numbers as whole ones of two words in two's complement, the lower first. Each is the nearest level, or as near
 * as float64 is.
 * @param values each less than 2^(63 - digits)
 */
export function toWide(values: Float64Array, digits: number): Uint32Array {
  const words = new Uint32Array(2 * values.length)
  const scale = 2 ** digits
  for (let i = 0; i < values.length; i++) {
    const level = Math.round(values[i]! * scale)
    const high = Math.floor(level / 2 ** 32)
    words[2 * i] = level - high * 2 ** 32
    words[2 * i + 1] = high
  }
  return words
}

/** The numbers that such words stand for, to float64. */
export function fromWide(words: Int32Array, digits: number): Float64Array {
  const level = (i: number) => words[2 * i + 1]! * 2 ** 32 + (words[2 * i]! >>> 0)
  return Float64Array.from({ length: words.length / 2 }, (_, i) => level(i) / 2 ** digits)
}
