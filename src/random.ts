import { createHash } from 'node:crypto'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** A stream of pseudo-random numbers. */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number
  /** Uniform integer in [0, below). */
  below(below: number): number
}

/** What a stream is for; a new purpose is a new name here, so that no two uses share numbers. */
export type Purpose =
  | 'partition'
  | 'subset'
  | 'weights'
  | 'shuffle'
  | 'dropout'
  | 'head'
  | 'dare'
  | 'validation'
  | 'attack'
  | 'participants'
  | 'statistics'
  | 'audit'

/**
 * The stream derived from (seed, purpose, …path), where the path is an owner, a round, an epoch, a tensor.
 * Streams do not depend on the order in which they are asked for: a resumed run, or one with another
 * number of workers, sees the same numbers. SHA-256 of the name gives the 128-bit state.
 */
export function stream(seed: number, purpose: Purpose, ...path: (number | string)[]): Random {
  const digest = createHash('sha256')
    .update([seed, purpose, ...path].join('/'))
    .digest()
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32LE(at)))
  return {
    uniform: () => uniformFloat64(generator),
    below: (below) => uniformInt(generator, 0, below - 1),
  }
}

/** A number of the standard normal distribution (Box and Muller 1958). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()))
  return radius * Math.cos(2 * Math.PI * random.uniform())
}

/** Fisher-Yates shuffle, in place. */
export function shuffle(items: Uint32Array, random: Random): Uint32Array {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const held = items[i]!
    items[i] = items[j]!
    items[j] = held
  }
  return items
}

/** 0, 1, …, count - 1. */
export function range(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i)
}
