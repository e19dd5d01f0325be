import { describe, expect, it } from 'vitest'
import { fedasync } from '../../src/algorithm/pace/fedasync.ts'
import { fedbuff } from '../../src/algorithm/pace/fedbuff.ts'
import { lastModels } from '../../src/algorithm/pace/last-models.ts'
import type { Arrival, Pace } from '../../src/algorithm/pace/pace.ts'
import { arrivalsOf } from '../../src/federation/arrivals.ts'
import type { Weights } from '../../src/weights/weights.ts'

const one = (value: number): Weights => new Map([['w', { shape: [1], data: Float32Array.of(value) }]])
const arrival = (trained: number, base: number, staleness: number, owner = 1): Arrival => {
  return { owner, trained: one(trained), base: one(base), staleness }
}
const stepped = (pace: Pace, model: number, arrivals: readonly Arrival[], last: readonly number[] = []): number => {
  const out = new Float32Array(1)
  const lastOf = new Map(last.map((value, i) => [i + 1, one(value)]))
  pace.step('w', { model: one(model), lastOf }, arrivals, out)
  return out[0]!
}

describe('fedasync', () => {
  const of = (given: object) => fedasync.make(fedasync.options.parse(given))
  it('mixes a model in by its age: polynomial, hinge, constant', () => {
    // (3 + 1)^-0.5 = 0.5; 1 / (10 · 4 + 1); up to b it is fresh.
    expect(of({ alpha: 1 }).weight(3)).toBe(0.5)
    const hinge = of({ alpha: 1, staleness: 'hinge', a: 10, b: 4 })
    expect(hinge.weight(8)).toBeCloseTo(0.0243902439, 10)
    expect([hinge.weight(0), hinge.weight(4)]).toEqual([1, 1])
    expect(of({ staleness: 'constant' }).weight(9)).toBe(0.6)
    expect(stepped(of({}), 0, [arrival(10, 0, 3)])).toBeCloseTo(3, 6)
    expect(of({}).buffer).toBe(1)
  })
})

describe('fedbuff', () => {
  const of = (given: object) => fedbuff.make(fedbuff.options.parse(given))
  it('divides by the size of the buffer, and lessens each way by 1 / √(1 + age)', () => {
    // Ways of 1, of ages 0 and 3: (1 + 0.5) / 2.
    expect(stepped(of({}), 0, [arrival(1, 0, 0), arrival(1, 0, 3)])).toBe(0.75)
    expect([0, 3, 8].map((age) => of({ size: 1 }).weight(age))).toEqual([1, 0.5, expect.closeTo(1 / 3, 12)])
    expect(of({ size: 4, lr: 2 }).weight(0)).toBe(0.5)
  })
  it('takes the way of an owner from what it trained from, not from the model of now', () => {
    expect(stepped(of({ size: 1 }), 100, [arrival(7, 5, 0)])).toBe(102)
  })
})

describe('last-models', () => {
  it('is the mean of the last model of each owner, however often one arrives', () => {
    expect(stepped(lastModels.make(), 99, [arrival(4, 0, 5)], [4, 10])).toBe(7)
  })
})

describe('the order of arrivals', () => {
  it('follows from the speeds alone; at the same time the first owner comes first', () => {
    const order = arrivalsOf([1, 2], [1, 3], 1, 6)
    expect(order.map(({ owner, time, turn, from, at }) => [at, owner, time, turn, from])).toEqual([
      [1, 1, 1, 1, 0],
      [2, 1, 2, 2, 1],
      [3, 1, 3, 3, 2],
      [4, 2, 3, 1, 0],
      [5, 1, 4, 4, 3],
      [6, 1, 5, 5, 5],
    ])
  })
  it('of a buffer of two: who fills it begins from the new version, the other from the one before', () => {
    const order = arrivalsOf([1, 2, 3], [1, 2], 2, 3)
    expect(order.map(({ owner, time, from, at }) => [at, owner, time, from])).toEqual([
      [1, 1, 1, 0],
      [1, 1, 2, 0],
      [2, 2, 2, 0],
      [2, 3, 2, 0],
      [3, 1, 3, 1],
      [3, 1, 4, 2],
    ])
  })
  it('does not drift: three trainings of 0.1 end with one of 0.3', () => {
    const times = arrivalsOf([1, 2], [0.1, 0.3], 1, 4).map(({ owner, time }) => [owner, time])
    expect(times[2]![1]).toBeCloseTo(0.3, 12)
    expect(arrivalsOf([1, 2, 3], [1], 1, 3).map(({ owner }) => owner)).toEqual([1, 2, 3])
  })
})
