import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../src/weights/half.ts'

const float16 = (value: number) => {
  const bits = new Uint16Array(1)
  toFloat16(Float32Array.of(value), bits)
  return bits[0]!
}
const bfloat16 = (value: number) => {
  const bits = new Uint16Array(1)
  toBfloat16(Float32Array.of(value), bits)
  return bits[0]!
}

const ALL = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits)

describe('float16', () => {
  // The examples of IEEE 754's binary16.
  it.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1 / 3, 0x3555],
    [-0, 0x8000],
    [Infinity, 0x7c00],
  ])('%d is %d', (value, bits) => {
    expect(float16(value)).toBe(bits)
    const back = new Float32Array(1)
    fromFloat16(Uint16Array.of(bits), back)
    expect(back[0]).toBeCloseTo(value, 3)
  })

  it.each([
    ['between 1 and the next value, to the even one below', 1 + 2 ** -11, 0x3c00],
    ['between the next two, to the even one above', 1 + 3 * 2 ** -11, 0x3c02],
    ['a little above the middle', 1 + 2 ** -11 + 2 ** -20, 0x3c01],
    ['half of the least value', 2 ** -25, 0],
    ['a little more than half of it', 2 ** -25 * 1.001, 1],
    ['one and a half of it', 1.5 * 2 ** -24, 2],
    ['below the least normal value', 2 ** -14 - 2 ** -26, 0x0400],
    ['the largest that is rounded down', 65519, 0x7bff],
    ['what is rounded to infinity', 65520, 0x7c00],
    ['what is far too large', -1e30, 0xfc00],
  ])('is rounded to the nearest: %s', (_, value, bits) => expect(float16(value)).toBe(bits))

  it('comes back with every bit, NaN apart', () => {
    const values = new Float32Array(ALL.length)
    fromFloat16(ALL, values)
    const back = new Uint16Array(ALL.length)
    toFloat16(values, back)
    const isNone = (bits: number) => (bits & 0x7fff) > 0x7c00
    expect(ALL.filter((bits) => (isNone(bits) ? !isNone(back[bits]!) : back[bits] !== bits))).toHaveLength(0)
  })

  it('is the nearest value there is', () => {
    const values = new Float32Array(ALL.length)
    fromFloat16(ALL, values)
    const finite = [...values].filter(Number.isFinite)
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const got = values[float16(value)]!
        const nearest = finite.reduce((best, one) => Math.min(best, Math.abs(one - value)), Infinity)
        expect(Math.abs(got - value)).toBe(nearest)
      }),
      { numRuns: 40 },
    )
  })
})

describe('bfloat16', () => {
  it.each([
    ['one', 1, 0x3f80],
    ['a third', 1 / 3, 0x3eab],
    ['the middle of two values, to the even one below', 1 + 2 ** -8, 0x3f80],
    ['the middle of the next two, to the even one above', 1 + 3 * 2 ** -8, 0x3f82],
    ['a little above the middle', 1 + 2 ** -8 + 2 ** -20, 0x3f81],
    ['minus zero', -0, 0x8000],
    ['what is rounded to infinity', 3.4e38, 0x7f80],
    ['infinity', -Infinity, 0xff80],
    ['NaN', NaN, 0x7fc0],
  ])('%s', (_, value, bits) => expect(bfloat16(value)).toBe(bits))

  it('comes back with every bit, NaN apart', () => {
    const values = new Float32Array(ALL.length)
    fromBfloat16(ALL, values)
    const back = new Uint16Array(ALL.length)
    toBfloat16(values, back)
    const isNone = (bits: number) => (bits & 0x7fff) > 0x7f80
    expect(ALL.filter((bits) => (isNone(bits) ? !isNone(back[bits]!) : back[bits] !== bits))).toHaveLength(0)
  })
})
