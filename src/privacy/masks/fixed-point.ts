/** How real numbers become whole ones, so that a sum of them is the same in any order and modulo 2^32. */
export interface FixedPoint {
  /** Of a number, its sign counted. */
  readonly bits: number
  /** Levels in a unit: a number x is the whole number nearest to scale · x. */
  readonly scale: number
}

/** Bits of a word: sums are modulo 2^32. */
const WORD = 32

/** Fewer bits would tell changes of a weight apart too badly to train with. */
export const FEWEST_BITS = 16

/** Bits of each of so many numbers whose sum fits a word, whatever they are: 32 - ⌈log2 K⌉. */
export const bitsFor = (parties: number): number => WORD - Math.ceil(Math.log2(parties))

/**
 * The fixed point in which so many owners hand in numbers of at most `range`: the largest one is range. Its sum of K
 * numbers is less than 2^31, because K (2^(bits - 1) - 1) is.
 */
export function fixedPointFor(parties: number, range: number): FixedPoint {
  const bits = bitsFor(parties)
  return { bits, scale: (2 ** (bits - 1) - 1) / range }
}

/**
 * Writes numbers as whole ones, each the nearest level (a half away from 0), as words in two's complement. One beyond the
 * levels, or NaN, is written as the last of them.
 * @param out as long as `values`
 * @returns how many were beyond the levels: whoever sends such words sends something else than the numbers
 */
export function toFixed(values: ArrayLike<number>, out: Uint32Array | Int32Array, { bits, scale }: FixedPoint): number {
  const most = 2 ** (bits - 1) - 1
  let beyond = 0
  for (let i = 0; i < values.length; i++) {
    const scaled = values[i]! * scale
    const level = scaled < 0 ? -Math.round(-scaled) : Math.round(scaled)
    if (level >= -most - 1 && level <= most) out[i] = level
    else {
      beyond += 1
      out[i] = level < 0 ? -most - 1 : most
    }
  }
  return beyond
}
