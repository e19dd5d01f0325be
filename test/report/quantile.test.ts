import { describe, expect, it } from 'vitest'
import { extremes, quantile } from '../../src/report/quantile.ts'

describe('of many values', () => {
  it('quantiles interpolate', () => {
    expect([quantile([1, 2, 3], 0.5), quantile([1, 3], 0.5), quantile([7], 0.9)]).toEqual([2, 2, 7])
  })

  it('the smallest, the middle and the largest, in any order', () => {
    const values = [10, 9, 100, 2]
    expect(extremes(values)).toEqual({ min: 2, median: 9.5, max: 100 })
    expect(values).toEqual([10, 9, 100, 2])
  })
})
