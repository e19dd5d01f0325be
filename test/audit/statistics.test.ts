import { describe, expect, it } from 'vitest'
import { clopperPearson } from '../../src/audit/statistics/clopper-pearson.ts'
import { refutedEpsilon } from '../../src/audit/statistics/refuted-epsilon.ts'
import { auc, aucDeviation, truePositives } from '../../src/audit/statistics/roc.ts'
import { verdict } from '../../src/audit/verdict.ts'

const scores = (members: readonly number[], others: readonly number[]) => ({
  members: Float64Array.from(members),
  others: Float64Array.from(others),
})

describe('the exact interval of a probability', () => {
  it('is that of published tables', () => {
    // 10 of 100 and 4 of 20, as tables of Clopper and Pearson's interval have them.
    expect(clopperPearson(10, 100).low).toBeCloseTo(0.049, 4)
    expect(clopperPearson(10, 100).high).toBeCloseTo(0.1762, 4)
    expect(clopperPearson(4, 20).low).toBeCloseTo(0.0573, 4)
    expect(clopperPearson(4, 20).high).toBeCloseTo(0.4366, 4)
  })

  it('has closed forms for none and for all', () => {
    expect(clopperPearson(0, 100)).toEqual({ low: 0, high: expect.closeTo(1 - 0.025 ** (1 / 100), 12) })
    expect(clopperPearson(100, 100)).toEqual({ low: expect.closeTo(0.025 ** (1 / 100), 12), high: 1 })
    expect(clopperPearson(0, 10, 0.9).high).toBeCloseTo(1 - 0.05 ** (1 / 10), 12)
  })
})

describe('how well scores tell members', () => {
  it('is the chance that a member has the larger one, where equal ones count half', () => {
    // Of 3 · 2 pairs: 3 > 1, 3 > 2, 2 > 1, 2 = 2 and 0 < 1, 0 < 2.
    expect(auc(scores([3, 2, 0], [1, 2]))).toBeCloseTo(3.5 / 6, 12)
    expect(auc(scores([2, 3], [0, 1]))).toBe(1)
    expect(auc(scores([1, 1], [1, 1]))).toBe(0.5)
    expect(aucDeviation(scores([1, 1, 1], [1, 1]))).toBeCloseTo(Math.sqrt(6 / 72), 12)
  })

  it('is the share of members above what so many others reach', () => {
    const others = Array.from({ length: 1000 }, (_, i) => i)
    // One of 1000 others may be taken for a member: those above 998 are.
    const members = [998, 998.5, 999, 1500]
    expect(truePositives(scores(members, others), 0.001)).toEqual({ share: 0.75, ...clopperPearson(3, 4) })
    // Ten: those above 989.
    expect(truePositives(scores([989, 990], others), 0.01).share).toBe(0.5)
    // None: those above the largest.
    expect(truePositives(scores([999, 1000], others), 0.0005).share).toBe(0.5)
  })
})

describe('the epsilon that is refuted', () => {
  const range = (length: number, from: number) => Array.from({ length }, (_, i) => from + i)

  it('is ln((TPR - δ) / FPR) with the bounds of both', () => {
    // All of 500 members that were not chosen on are told, and none of 500 others.
    const [least, most] = [0.025 ** (1 / 500), 1 - 0.025 ** (1 / 500)]
    const all = scores(
      range(1000, 2000),
      range(1000, 0).map(() => 0),
    )
    expect(refutedEpsilon(all, 1e-5)).toBeCloseTo(Math.log((least - 1e-5) / most), 9)
    expect(Math.log((least - 1e-5) / most)).toBeCloseTo(4.9056, 4)
  })

  it('is none if the scores tell nothing, or members less than others', () => {
    expect(refutedEpsilon(scores(range(400, 0), range(400, 0)), 1e-5)).toBe(0)
    expect(refutedEpsilon(scores([1, 1, 1, 1], [1, 1, 1, 1]), 1e-5)).toBe(0)
  })

  it('is seen too where it is the others that are told', () => {
    // A tenth of the others is below every member, and else they are alike.
    const members = range(1000, 0)
    const others = members.map((one, i) => (i % 10 < 2 ? -1 - i : one))
    expect(refutedEpsilon(scores(members, others), 0)).toBeGreaterThan(2)
  })
})

describe('the verdict', () => {
  const of = (value: number, guess: number, best: number, low?: number) =>
    verdict({ what: 'it', measures: [{ name: 'm', value, guess, best, low }] })

  it('is by how far a figure is from a guess to all of it, for certain', () => {
    expect(of(0.52, 0.5, 1)).toBe('no better than a guess')
    expect(of(0.6, 0.5, 1)).toBe('tells a little of it')
    expect(of(0.6, 0.5, 1, 0.51)).toBe('no better than a guess')
    expect(of(0.75, 0.5, 1)).toBe('tells much of it')
    expect(of(0.01, 0.1, 0)).toBe('tells nearly all of it')
    expect(of(1, 1, 1)).toBe('a guess is right already')
  })

  it('is by the figure that goes farthest', () => {
    const dull = { name: 'a', value: 0.5, guess: 0.5, best: 1 }
    expect(verdict({ what: 'it', measures: [dull, { name: 'b', value: 0.3, guess: 0.001, best: 1 }] })).toBe(
      'tells much of it',
    )
  })
})
