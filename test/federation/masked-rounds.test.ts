import { describe, expect, it } from 'vitest'
import { maskedRuleOf } from '../../src/algorithm/make-algorithm.ts'
import { errorBound, planSum } from '../../src/algorithm/masked-plan.ts'
import type { MergeChoice } from '../../src/algorithm/merge/own-rule.ts'
import { chiSquareOfBytes } from '../support/chi-square.ts'
import { type Plain, plainRounds, type Slope } from '../support/plain-owners.ts'

/** Each owner's loss is ‖w - its target‖² / 2: a round of it brings two models closer to each other. */
const towards = (...targets: number[][]): Slope[] =>
  targets.map((target) => (w) => w.map((value, i) => value - target[i]!))
const privacy = { masks: { range: 4 }, 'insecure-test-seed': 3 }
const STEPS = [3, 5, 8]
const given: Plain = {
  slopes: towards([1, -0.5], [-0.75, 0.25], [0.125, 0.5]),
  steps: STEPS,
  lr: 0.1,
  rounds: 6,
  start: [0.5, -0.25],
  batch: 1,
  optimizer: 'sgd',
}

describe('rounds under masks', () => {
  it.each<[string, MergeChoice, Partial<Plain>]>([
    ['avg', 'avg', {}],
    ['weighted-avg', 'weighted-avg', {}],
    ['fednova', { fednova: { weights: 'images' } }, {}],
    ['task-arithmetic', { 'task-arithmetic': { lambda: 0.3, normalise: false, weights: 'images' } }, {}],
    ['scaffold', 'weighted-avg', { objective: 'scaffold' }],
    ['feddyn', 'avg', { objective: { feddyn: { alpha: 0.1 } } }],
    ['a threshold', 'weighted-avg', { privacy: { ...privacy, masks: { range: 4, threshold: 2 } } }],
    ['server steps', 'avg', { server: { avgm: { momentum: 0.5, lr: 1 } } }],
  ])('%s go as without, after every round within half a level of each owner', async (name, rule, more) => {
    const [plain, masked] = [
      await plainRounds({ ...given, ...more, merge: [rule], privacy: undefined }),
      await plainRounds({ ...given, privacy, ...more, merge: [rule] }),
    ]
    const owners = STEPS.map((images, i) => ({ owner: i + 1, images }))
    const asked = { merge: [rule], privacy, batch: 1, optimizer: 'sgd' as const, 'local-epochs': 1 }
    const bound = errorBound(planSum(maskedRuleOf(asked)!, { run: '', round: 1, attempt: 0, owners }))
    // 30 bits for three owners: a level is 7.5e-9.
    expect(bound).toBeLessThan(1.2e-8)
    for (const [i, { model }] of masked.entries()) {
      for (const [k, value] of model.entries()) {
        // A round does not take two models further apart, but for a state that adds up; float32 rounds both, below 1.
        const grows = ['scaffold', 'feddyn', 'server steps'].includes(name) ? 10 : 1
        const off = Math.abs(value - plain[i]!.model[k]!)
        expect([i, k, off <= grows * (i + 1) * (bound + 2 ** -24)]).toEqual([i, k, true])
      }
    }
  })

  it('of two owners tell each what the other handed in: masks keep updates from the server alone', async () => {
    const two = { ...given, slopes: towards([1, -0.5], [-0.75, 0.25]), steps: [3, 5], rounds: 1 }
    const alone = await plainRounds({ ...two, slopes: two.slopes.slice(0, 1), steps: [3] })
    const other = await plainRounds({ ...two, slopes: towards([-0.75, 0.25]), steps: [5] })
    const [{ model } = { model: [] }] = await plainRounds({ ...two, privacy })
    for (const [k, value] of model.entries()) {
      expect(2 * value - alone[0]!.model[k]!).toBeCloseTo(other[0]!.model[k]!, 6)
    }
  })
})

describe('all that the server gets of updates', () => {
  const WEIGHTS = 10_000
  /** Two owners that go by -x and -y in a round. */
  const transcript = async (x: (i: number) => number, y: (i: number) => number, seed: number) => {
    const got: Uint32Array[] = []
    const rounds = await plainRounds({
      slopes: [x, y].map(
        (of): Slope =>
          (w) =>
            w.map((_, i) => of(i)),
      ),
      steps: [1, 1],
      lr: 1,
      rounds: 1,
      start: Array(WEIGHTS).fill(0),
      privacy: { ...privacy, 'insecure-test-seed': seed },
      take: ({ weights, sent, sealed }) => {
        expect([weights.size, Object.keys(sent)]).toEqual([0, []])
        got.push(sealed!.words)
      },
    })
    return { words: got, model: rounds[0]!.model }
  }

  it('is uniform words that say nothing of one update, while the sum is the same', async () => {
    // Multiples of 2^-8, which float32 adds without rounding.
    const at = (i: number) => (i % 200) / 256
    const one = await transcript(at, () => 0.25, 1)
    const other = await transcript((i) => at(i) + 0.5, () => -0.25, 2) // biome-ignore format: one line
    for (const [i, value] of other.model.entries()) expect(Math.abs(value - one.model[i]!)).toBeLessThan(1e-8)
    for (const [k, words] of one.words.entries()) {
      expect(words.filter((word, i) => word === other.words[k]![i])).toHaveLength(0)
    }
    for (const { words } of [one, other]) {
      for (const masked of words) {
        // With 255 degrees of freedom, one in a thousand is below 190.9, and one in a thousand above 330.5.
        expect(chiSquareOfBytes(masked)).toBeGreaterThan(190.9)
        expect(chiSquareOfBytes(masked)).toBeLessThan(330.5)
      }
    }
    // What it would say without masks.
    const plain = Uint32Array.from({ length: WEIGHTS }, (_, i) => Math.round((at(i) * (2 ** 30 - 1)) / 4))
    expect(chiSquareOfBytes(plain)).toBeGreaterThan(100_000)
  })
})
