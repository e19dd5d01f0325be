import { describe, expect, it } from 'vitest'
import { estimate, extremes, largest, quantile } from '../src/stats.ts'

describe('statistics', () => {
  it('estimate the mean and the sample deviation, which a single value does not have', () => {
    expect(estimate([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, sd: Math.sqrt(32 / 7) })
    expect(estimate([0.5])).toEqual({ mean: 0.5, sd: Number.NaN })
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
