import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bitsFor, fixedPointFor, toFixed } from '../../../src/privacy/masks/fixed-point.ts'

describe('the fixed point of masked sums', () => {
  it('is the nearest level, and counts what is beyond the levels', () => {
    const values = [17.42, 17.4298, -2.34, -2.3456, -2.3416, 12345.0167, -327.69]
    const out = new Int32Array(7)
    expect(toFixed(values, out, { bits: 16, scale: 100 })).toBe(2)
    expect([...out]).toEqual([1742, 1743, -234, -235, -234, 32767, -32768])
  })

  it('rounds a half away from 0, and takes what is no number as beyond', () => {
    const out = new Int32Array(5)
    expect(toFixed([0.5, -0.5, 1.5, -2.5, Number.NaN], out, { bits: 8, scale: 1 })).toBe(1)
    expect([...out]).toEqual([1, -1, 2, -3, 127])
  })

  it('has 31 bits for two owners, and 25 for a hundred', () => {
    expect([2, 3, 4, 5, 8, 100, 128, 129].map(bitsFor)).toEqual([31, 30, 30, 29, 29, 25, 25, 24])
    expect(fixedPointFor(100, 4)).toEqual({ bits: 25, scale: 4_194_303.75 })
  })

  it('has sums that never leave a word, whatever the owners hand in within the range', () => {
    const owners = fc.integer({ min: 2, max: 5000 })
    fc.assert(
      fc.property(owners, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (count, range) => {
        const point = fixedPointFor(count, range)
        const out = new Int32Array(2)
        expect(toFixed([range, -range], out, point)).toBe(0)
        expect(count * out[0]!).toBeLessThan(2 ** 31)
        expect(count * out[1]!).toBeGreaterThanOrEqual(-(2 ** 31))
      }),
    )
  })
})
