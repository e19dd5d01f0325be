import { expect, it } from 'vitest'
import { WeightPool } from '../../src/weights/pool.ts'

it('gives out memory that was released, of that length and precision, to one taker at a time', () => {
  const pool = new WeightPool()
  const [floats, doubles] = [pool.floats(3), pool.doubles(3)]
  expect([floats, doubles]).toEqual([new Float32Array(3), new Float64Array(3)])
  expect(pool.floats(3)).not.toBe(floats)
  pool.release(floats)
  pool.release(doubles)
  expect(pool.floats(4)).toHaveLength(4)
  expect(pool.doubles(3)).toBe(doubles)
  expect(pool.floats(3)).toBe(floats)
  expect(pool.floats(3)).not.toBe(floats)
})

it('takes back a whole model', () => {
  const pool = new WeightPool()
  const [a, b] = [pool.floats(2), pool.floats(5)]
  pool.releaseAll(
    new Map([
      ['a', { shape: [2], data: a }],
      ['b', { shape: [5], data: b }],
    ]),
  )
  expect(pool.floats(5)).toBe(b)
  expect(pool.floats(2)).toBe(a)
})
