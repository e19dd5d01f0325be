import { describe, expect, it } from 'vitest'
import { learningRate } from '../../src/federation/schedule.ts'

type Schedule = Parameters<typeof learningRate>[0]

const constant: Schedule = {
  lr: 0.4,
  rounds: 4,
  'lr-schedule': 'constant',
  'lr-step-rounds': 10,
  'lr-step-factor': 0.1,
}
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

  it('step is multiplied every few rounds', () => {
    const step = { 'lr-schedule': 'step', 'lr-step-rounds': 2, 'lr-step-factor': 0.5 } as const
    expect(rates(step, 6)).toEqual([0.4, 0.4, 0.2, 0.2, 0.1, 0.1])
    expect(rates({ ...step, 'lr-step-rounds': 1, 'lr-step-factor': 0.1 }, 3)).toEqual(near([0.4, 0.04, 0.004]))
    expect(rates({ ...step, 'lr-step-factor': 1 }, 3)).toEqual([0.4, 0.4, 0.4])
  })
})
