import type { MaskedRound } from './masked-round.ts'

/** In what words of 32 bits add up. */
export interface Ring {
  /** Of a number, the lowest first. */
  readonly words: number
  /** Adds words to others, in the memory of these. */
  add(to: Uint32Array, other: Uint32Array): void
  subtract(from: Uint32Array, other: Uint32Array): void
}

/** Whole numbers modulo 2^32. */
export const MODULO_32: Ring = {
  words: 1,
  add(to, other) {
    for (let i = 0; i < to.length; i++) to[i]! += other[i]!
  },
  subtract(from, other) {
    for (let i = 0; i < from.length; i++) from[i]! -= other[i]!
  },
}

/** Whole numbers modulo 2^64. */
export const MODULO_64: Ring = {
  words: 2,
  add(to, other) {
    for (let i = 0; i < to.length; i += 2) {
      const low = to[i]! + other[i]!
      to[i] = low
      to[i + 1] = to[i + 1]! + other[i + 1]! + (low > 0xffffffff ? 1 : 0)
    }
  },
  subtract(from, other) {
    for (let i = 0; i < from.length; i += 2) {
      const low = from[i]! - other[i]!
      from[i] = low
      from[i + 1] = from[i + 1]! - other[i + 1]! - (low < 0 ? 1 : 0)
    }
  },
}

/** In what the vectors of a round add up: sums for a head are of more images than 32 bits have levels for. */
export const ringOf = ({ of }: Pick<MaskedRound, 'of'>): Ring => (of === 'head' ? MODULO_64 : MODULO_32)
