import { expect, it } from 'vitest'
import { nonFiniteAt } from '../../src/weights/floats.ts'

it('finds the first value that is not finite, wherever it is, and none in the largest and the smallest', () => {
  const finite = [3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0, 0]
  for (let length = 0; length <= 10; length++) {
    const values = Float32Array.from({ length }, (_, i) => finite[i % finite.length]!)
    expect(nonFiniteAt(values)).toBe(-1)
    for (let at = 0; at < length; at++) {
      for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const broken = values.with(at, odd)
        expect(nonFiniteAt(broken)).toBe(at)
        // Infinities of either sign do not cancel.
        expect(nonFiniteAt(broken.with(length - 1, Number.NEGATIVE_INFINITY))).toBe(at)
      }
    }
  }
})
