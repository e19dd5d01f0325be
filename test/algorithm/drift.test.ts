import { expect, it } from 'vitest'
import { Drift } from '../../src/algorithm/drift.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import { noise, norm } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

function drift(rows: readonly (readonly number[] | Float32Array)[]): number {
  const sums = new Drift(new WeightPool())
  for (const { weights } of owners(rows)) sums.add(weights)
  return sums.finish().w!
}

it('is the root mean square distance from the mean, in units of its length', () => {
  const rows = [1, 2, 3, 4].map((seed) => noise(50, seed).map((value) => value + 0.5))
  const mean = Array.from(rows[0]!, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
  const distances = rows.map((row) => norm(Array.from(row, (value, i) => value - mean[i]!)))
  expect(drift(rows)).toBeCloseTo(norm(distances) / 2 / norm(mean), 6)
  expect(drift([[3], [1]])).toBe(0.5)
})

it('is 0 where all are the same, or all is 0', () => {
  const row = noise(20, 5)
  expect(drift([row, row, row])).toBeLessThan(1e-7)
  expect(drift([[0], [0]])).toBe(0)
})

it('is told of every tensor, and of none where there was no owner', () => {
  const sums = new Drift(new WeightPool())
  expect(sums.finish()).toEqual({})
  sums.add(
    new Map([
      ['a', { shape: [1], data: Float32Array.of(1) }],
      ['b', { shape: [1], data: Float32Array.of(2) }],
    ]),
  )
  expect(sums.finish()).toEqual({ a: 0, b: 0 })
})
