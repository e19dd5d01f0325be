import { describe, expect, it } from 'vitest'
import { differenceBySeed, estimate, extremes, isWithinNoise, largest, quantile } from '../src/stats.ts'

describe('statistics', () => {
  it('estimate the mean and the sample deviation, which a single value does not have', () => {
    expect(estimate([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7) })
    expect(estimate([0.5])).toEqual({ mean: 0.5, sd: Number.NaN })
  })

  it('tell a difference over seeds with its interval', () => {
    const of = (...values: [number, number][]) => new Map(values)
    // 1, 2 and 3: mean 2, s = 1, t(0.975, 2) = 4.302653: ± 4.302653 / √3 = 2.484138.
    const paired = differenceBySeed(of([0, 11], [1, 22], [2, 33]), of([2, 30], [1, 20], [0, 10]))!
    expect(paired).toMatchObject({ mean: 2, pairs: 3 })
    expect(paired.low).toBeCloseTo(2 - 2.484138, 5)
    expect(paired.high).toBeCloseTo(2 + 2.484138, 5)
    expect(isWithinNoise(paired)).toBe(true)
    // No two in common, equal variances of 2: each mean has 2/2 = 1, √2 together, df = 2² / (1 + 1) = 2:
    // 9 - 2 = 7 ± 4.302653 · 1.414214 = 6.084871.
    const welch = differenceBySeed(of([0, 8], [1, 10]), of([1, 1], [2, 3]))!
    expect(welch).toMatchObject({ mean: 7, pairs: undefined })
    expect(welch.low).toBeCloseTo(7 - 6.084871, 5)
    expect(isWithinNoise(welch)).toBe(false)
    // No spread, no doubt; of one value, nothing is known.
    expect(differenceBySeed(of([0, 1], [1, 2]), of([0, 1], [1, 2]))).toEqual({ mean: 0, low: 0, high: 0, pairs: 2 })
    expect(differenceBySeed(of([0, 1], [1, 2]), of([0, 1]))).toBeUndefined()
    expect(differenceBySeed(of([0, 0.5], [1, 0.75]), of([0, 0.25], [1, 0.5]), 100)).toMatchObject({ mean: 25, low: 25 })
  })

  it('interpolate quantiles', () => {
    expect([quantile([1, 2, 3], 0.5), quantile([1, 3], 0.5), quantile([7], 0.9)]).toEqual([2, 2, 7])
  })

  it('find the smallest, the middle and the largest, in any order', () => {
    const values = [10, 9, 100, 2]
    expect(extremes(values)).toEqual({ min: 2, median: 9.5, max: 100 })
    expect(values).toEqual([10, 9, 100, 2])
  })

  it('take more values than a call can have arguments', () => {
    expect(largest(Array.from({ length: 300_000 }, (_, i) => i))).toBe(299_999)
    expect(largest([])).toBe(Number.NEGATIVE_INFINITY)
  })
})
