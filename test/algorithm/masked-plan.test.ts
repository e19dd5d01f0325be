import { describe, expect, it } from 'vitest'
import { errorBound, planSum } from '../../src/algorithm/masked-plan.ts'
import { avg } from '../../src/algorithm/merge/avg.ts'
import { coefficientsOf } from '../../src/algorithm/merge/coefficients.ts'
import { type MergeChoice, withOwnRule } from '../../src/algorithm/merge/own-rule.ts'
import { MERGE_RULES } from '../../src/algorithm/merge/registry.ts'
import { owners } from '../support/owners.ts'

const facts = owners([[0], [0], [0]], [10, 20, 50])

describe('the coefficients of a rule that needs a sum', () => {
  it.each<[string, MergeChoice, number[]]>([
    ['avg', 'avg', [1 / 3, 1 / 3, 1 / 3]],
    ['weighted-avg', 'weighted-avg', [0.125, 0.25, 0.625]],
    // Owner i goes i steps: the mean is .125 + 2 · .25 + 3 · .625 = 2.5, and the shares p_i 2.5 / i.
    ['fednova', { fednova: { weights: 'images' } }, [0.3125, 0.3125, 0.520833333333]],
    ['task-arithmetic', { 'task-arithmetic': { lambda: 0.5, normalise: false, weights: 'equal' } }, [0.5, 0.5, 0.5]],
  ])('%s are what it makes of unit vectors', (_, choice, expected) => {
    const made = coefficientsOf(choice, facts, 1)
    expect(made).toHaveLength(3)
    for (const [k, a] of made.entries()) expect(a).toBeCloseTo(expected[k]!, 11)
  })

  it('are none of a rule that is no sum', () => {
    expect(() => coefficientsOf('max', facts, 1)).toThrow("merge max is no weighted sum of the owners' changes")
    // One of the user's own that says what is not so.
    const rule = { ...avg, make: MERGE_RULES.max.make }
    const loaded = { rule, content: new Uint8Array() }
    const own = withOwnRule('mine', { name: 'mine', file: 'mine.mjs', sha256: '', loaded })
    expect(() => coefficientsOf(own, facts, 1)).toThrow('merge mine is no weighted sum')
  })
})

describe('the plan of a masked sum', () => {
  const round = { run: 'a', round: 1, attempt: 0, owners: facts.map(({ owner, trainImages }) => ({ owner, images: trainImages })) } // biome-ignore format: one line

  it('gives the owner that counts most all levels', () => {
    const plan = planSum({ choice: 'weighted-avg', range: 2 }, round)
    expect([...plan.factors]).toEqual([
      [1, 0.2],
      [2, 0.4],
      [3, 1],
    ])
    // 30 bits for three owners.
    expect(plan.point).toEqual({ bits: 30, scale: (2 ** 29 - 1) / 2 })
    expect(plan.unit).toBeCloseTo((0.625 * 2) / (2 ** 29 - 1), 20)
    expect(errorBound(plan)).toBeCloseTo((3 * 0.625) / (2 ** 29 - 1), 20)
  })

  it('is off by half a level of avg', () => {
    expect(errorBound(planSum({ choice: 'avg', range: 4 }, round))).toBeCloseTo(2 / (2 ** 29 - 1), 20)
  })
})
