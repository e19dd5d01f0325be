import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MODULO_64 } from '../../../src/privacy/masks/ring.ts'
import { digitsFor, fromWide, toWide } from '../../../src/privacy/masks/wide-point.ts'

const plain = (words: Uint32Array, digits: number) => [...fromWide(new Int32Array(words.buffer), digits)]

describe('the fixed point of 64 bits', () => {
  it('has levels that are powers of two, so that whole numbers and halves stay what they are', () => {
    const values = [0, 1, -1, 0.5, -0.75, 60_000, -4_294_967_296, 2 ** 40 + 1]
    const words = toWide(Float64Array.from(values), 2)
    // In levels of a quarter: 0, 4, -4, 2, -3, …
    expect([...words.subarray(0, 10)]).toEqual([0, 0, 4, 0, 2 ** 32 - 4, 2 ** 32 - 1, 2, 0, 2 ** 32 - 3, 2 ** 32 - 1])
    expect(plain(words, 2)).toEqual(values)
  })

  it('is off by half a level at most', () => {
    expect(plain(toWide(Float64Array.of(0.3, -0.3, 0.1), 3), 3)).toEqual([0.25, -0.25, 0.125])
  })

  it('has 2^62 levels for the largest sum', () => {
    // 2^16 × 2^10 is 2^26; a little more than that needs a digit more before the point.
    expect([digitsFor(1024, 65_536), digitsFor(1025, 65_536), digitsFor(60_000, 65_536)]).toEqual([36, 35, 30])
    expect(digitsFor(2 ** 30, 2 ** 32)).toBe(0)
  })

  it('adds and subtracts with the carry between the two words, modulo 2^64', () => {
    const number = fc.bigInt(0n, 2n ** 64n - 1n)
    const wordsOf = (value: bigint) => Uint32Array.of(Number(value & 0xffffffffn), Number(value >> 32n))
    const bigOf = ([low, high]: Uint32Array) => (BigInt(high!) << 32n) + BigInt(low!)
    const both = (a: bigint, b: bigint) => {
      const [sum, rest] = [wordsOf(a), wordsOf(a)]
      MODULO_64.add(sum, wordsOf(b))
      MODULO_64.subtract(rest, wordsOf(b))
      return [bigOf(sum), bigOf(rest)]
    }
    expect(both(2n ** 32n - 1n, 1n)).toEqual([2n ** 32n, 2n ** 32n - 2n])
    expect(both(0n, 1n)).toEqual([1n, 2n ** 64n - 1n])
    expect(both(2n ** 64n - 1n, 2n ** 64n - 1n)).toEqual([2n ** 64n - 2n, 0n])
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(both(a, b)).toEqual([BigInt.asUintN(64, a + b), BigInt.asUintN(64, a - b)])
      }),
    )
  })

  it('has sums that never leave 64 bits, whatever the owners have within the range', () => {
    const shards = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 2, maxLength: 50 })
    fc.assert(
      fc.property(shards, fc.double({ min: 1, max: 2 ** 32, noNaN: true }), (images, range) => {
        const digits = digitsFor(images.reduce((sum, count) => sum + count, 0), range) // biome-ignore format: one line
        const sum = new Uint32Array(4)
        for (const count of images) MODULO_64.add(sum, toWide(Float64Array.of(range * count, -range * count), digits))
        const exact = images.reduce((all, count) => all + range * count, 0)
        for (const [i, value] of plain(sum, digits).entries()) {
          // Half a level for each owner, and what float64 rounds.
          const bound = images.length * 2 ** (-digits - 1) + exact * 2 ** -46
          expect(Math.abs(value - (i === 0 ? exact : -exact))).toBeLessThanOrEqual(bound)
        }
      }),
    )
  })
})
