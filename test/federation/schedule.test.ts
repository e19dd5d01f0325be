import { describe, expect, it } from 'vitest'
import { learningRate, type Schedule } from '../../src/federation/schedule.ts'

const constant: Schedule = { lr: 0.4, rounds: 4, 'lr-schedule': 'constant' }
const rates = (given: Partial<Schedule>, rounds: number) =>
  Array.from({ length: rounds }, (_, i) => learningRate({ ...constant, ...given }, i + 1))

/** Equal but for rounding. */
const near = (values: number[]) => values.map((value) => expect.closeTo(value, 12))

describe('the learning rate', () => {
  it('constant stays as it is', () => {
    expect(rates({}, 3)).toEqual([0.4, 0.4, 0.4])
  })

  it('cosine goes from lr down half a cosine, and would be 0 after the last round', () => {
    const root = Math.SQRT1_2
    expect(rates({ 'lr-schedule': 'cosine' }, 4)).toEqual(near([0.4, 0.2 + 0.2 * root, 0.2, 0.2 - 0.2 * root]))
    expect(rates({ 'lr-schedule': 'cosine', rounds: 1 }, 1)).toEqual([0.4])
    expect(rates({ 'lr-schedule': 'cosine' }, 5)[4]).toBeCloseTo(0, 12)
  })

  it('cosine is to the last bit what one expression gives', () => {
    const all = rates({ lr: 0.01, 'lr-schedule': 'cosine', rounds: 50 }, 50)
    expect(all).toEqual(all.map((_, done) => (0.01 * (1 + Math.cos((Math.PI * done) / 50))) / 2))
  })

  it('step is multiplied every few rounds', () => {
    const step = (rounds: number, factor: number) => ({ 'lr-schedule': { step: { rounds, factor } } })
    expect(rates(step(2, 0.5), 6)).toEqual([0.4, 0.4, 0.2, 0.2, 0.1, 0.1])
    expect(rates(step(1, 0.1), 3)).toEqual(near([0.4, 0.04, 0.004]))
    expect(rates(step(2, 1), 3)).toEqual([0.4, 0.4, 0.4])
  })
})
