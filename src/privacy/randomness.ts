import { type Cipher, createCipheriv, createHash, randomFillSync } from 'node:crypto'

/** Random numbers that privacy rests on: masks, noise, who is sampled. */
export interface Randomness {
  /** Uniform bytes. */
  bytes(count: number): Uint8Array
  /** Uniform integer in [0, 2^32). */
  uint32(): number
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number
  /** A number of the standard normal distribution, in float64. */
  gaussian(): number
}

/** From the system's generator: nobody can repeat or foresee it. */
export const systemRandom = (): Randomness => new Buffered((block) => void randomFillSync(block))

/**
 * From a seed and a path (what for, an owner, a round), so that a test can repeat it: the keystream of AES-256 in counter
 * mode under SHA-256 of both. Whoever knows the seed knows every number, so it protects nobody.
 */
export function seededRandom(seed: number, ...path: (number | string)[]): Randomness {
  const key = createHash('sha256')
    .update(['insecure-test-seed', seed, ...path].join('/'))
    .digest()
  const cipher: Cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return new Buffered((block) => block.set(cipher.update(new Uint8Array(block.length))))
}

/** The system's generator, unless a test seed is given. */
export const randomFor = (testSeed: number | undefined, ...path: (number | string)[]): Randomness =>
  testSeed === undefined ? systemRandom() : seededRandom(testSeed, ...path)

/** The first time that more is taken than what is left, a whole block is drawn: one call for thousands of numbers. */
const BLOCK = 16_384

/** Numbers of a source that fills blocks of bytes. Bytes are used once, and wiped as they are handed out. */
class Buffered implements Randomness {
  readonly #fill: (block: Uint8Array) => void
  readonly #block = new Uint8Array(BLOCK)
  readonly #view = new DataView(this.#block.buffer)
  #at = BLOCK
  /** Box and Muller give two numbers at a time. */
  #second: number | undefined

  constructor(fill: (block: Uint8Array) => void) {
    this.#fill = fill
  }

  bytes(count: number): Uint8Array {
    const taken = new Uint8Array(count)
    this.#fill(taken)
    return taken
  }

  uint32(): number {
    if (this.#at === BLOCK) {
      this.#fill(this.#block)
      this.#at = 0
    }
    const value = this.#view.getUint32(this.#at, true)
    this.#view.setUint32(this.#at, 0)
    this.#at += 4
    return value
  }

  uniform(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53
  }

  /** Box and Muller 1958. With 53 bits its tails end at 8.57 standard deviations. */
  gaussian(): number {
    const held = this.#second
    this.#second = undefined
    if (held !== undefined) return held
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#second = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
