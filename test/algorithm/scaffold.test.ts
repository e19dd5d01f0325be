import { describe, expect, it } from 'vitest'
import { scaffold } from '../../src/algorithm/objective/scaffold.ts'
import { effectiveSteps } from '../../src/engine/effective-steps.ts'
import { stream } from '../../src/random.ts'
import { mapTensors } from '../../src/weights/map-tensors.ts'
import { numberAsWeights, weightsAsNumber } from '../../src/weights/number.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { type Plain, plainRounds, type Slope } from '../support/plain-owners.ts'
import { scaffnew, scaffoldTwo, scaffoldWithoutSending, serverControl } from '../support/scaffold.ts'

/** Owners with the losses ½ (w - 0)² and 3/2 (w - 4)²: the pooled optimum is 3, where plain rounds end is not. */
const problem = { a: [1, 3], b: [0, 4], lr: 0.1, steps: 2 }
const slopes: Slope[] = problem.a.map((a, i) => (w) => w.map((value) => a * (value - problem.b[i]!)))
const run = { slopes, steps: [2, 2], lr: 0.1, rounds: 300 }
/** The first of the rounds. */
const first = async (given: Plain) => (await plainRounds(given))[0]!
const last = async (given: Partial<Plain>) => (await plainRounds({ ...run, ...given })).at(-1)!

describe('where rounds of unlike owners end', () => {
  it('without a correction, beside the pooled optimum: at 0.51 * 4 / (0.19 + 0.51)', async () => {
    expect((await last({})).model[0]).toBeCloseTo(2.9142857142857, 5)
  })

  it.each([
    ['scaffold', { objective: 'scaffold' as const }],
    ['scaffold with momentum', { objective: 'scaffold' as const, momentum: 0.5 }],
    ['feddyn', { objective: { feddyn: { alpha: 0.1 } }, rounds: 3000 }],
    ['feddyn, strong', { objective: { feddyn: { alpha: 1 } } }],
  ])('with %s, at the pooled optimum', async (_, given) => {
    expect((await last(given)).model[0]).toBeCloseTo(3, 5)
  })

  it('with Scaffnew, whose owners meet when a shared coin says so, at the pooled optimum', () => {
    const random = stream(1, 'shuffle')
    expect(scaffnew(problem, 0.5, 400, () => random.uniform())).toBeCloseTo(3, 10)
    // With a coin that falls on every second step it is the same as SCAFFOLD without sending, round by round.
    let tossed = 0
    const everySecond = () => (++tossed % 2 === 0 ? 0 : 1)
    expect(scaffnew(problem, 1 / 2, 30, everySecond)).toBeCloseTo(scaffoldWithoutSending(problem, 30).models[29]!, 12)
  })

  it('keeps the gradient of each owner at that optimum: 3 and -3', async () => {
    const { states } = await last({ objective: 'scaffold' })
    const kept = [1, 2].map((owner) => valuesOf(states.get(owner)!.shift!)[0]!)
    expect(kept[0]).toBeCloseTo(-3, 4)
    expect(kept[1]).toBeCloseTo(3, 4)
  })

  it('counts owners by their steps if these differ: 2 w + 4 * 3 (w - 4) = 0', async () => {
    const { model } = await last({ objective: 'scaffold', steps: [2, 4] })
    expect(model[0]).toBeCloseTo(48 / 14, 5)
  })
})

describe('what an owner keeps in the place of control variates', () => {
  it('makes the rounds of SCAFFOLD, option II, step for step', () => {
    const [paper, ours] = [scaffoldTwo(problem, 30), scaffoldWithoutSending(problem, 30)]
    for (const [i, model] of paper.models.entries()) expect(Math.abs(ours.models[i]! - model)).toBeLessThan(1e-12)
    for (const [i, h] of paper.differences.entries()) expect(Math.abs(ours.h[29]![i]! - h)).toBeLessThan(1e-12)
    for (const h of ours.h) expect(Math.abs(h[0]! + h[1]!)).toBeLessThan(1e-12)
  })

  it('makes them in the product too, as far as weights in float32 go', async () => {
    const rounds = await plainRounds({ ...run, rounds: 30, objective: 'scaffold' })
    const { models } = scaffoldTwo(problem, 30)
    for (const [i, { model }] of rounds.entries()) expect(Math.abs(model[0]! - models[i]!), `${i}`).toBeLessThan(3e-6)
  })

  it('is nothing in the first round, which is that of no objective, to the last bit', async () => {
    const corrected = await first({ ...run, rounds: 1, objective: 'scaffold' })
    expect(corrected.model).toEqual((await first({ ...run, rounds: 1 })).model)
    expect(scaffold.make({}).hooks({ received: weightsOf(1), instruction: {}, state: {}, labels: [] })).toBeUndefined()
  })

  it('divides by the steps that plain SGD would need, if there is momentum', async () => {
    const { states } = await first({
      ...run,
      steps: [10, 10],
      rounds: 1,
      momentum: 0.9,
      objective: 'scaffold',
    })
    expect(weightsAsNumber(states.get(1)!.unit!)).toBeCloseTo(4.1381059609, 6)
  })

  it('counts the changes of owners that are there by all owners: 5 of 100 that change by 0.5 make 2.025 of 2', () => {
    expect(serverControl(2, [0.5, 0.5, 0.5, 0.5, 0.5], 100)).toBe(2.025)
  })
})

// Losses |w - t| whose slopes are -0.5, -0.5, -1 and -1: apple/pfl-research, tests/algorithm/test_scaffold.py.
describe('SCAFFOLD by hand', () => {
  const sizes = [0.5, 0.5, 1, 1]
  const targets = [2, 2, 1, 1]
  const sign: Slope = (w) => w.map((value, i) => sizes[i]! * Math.sign(value - targets[i]!))
  const loss = (w: readonly number[]) => w.reduce((sum, value, i) => sum + sizes[i]! * Math.abs(value - targets[i]!), 0)
  const zeros = [0, 0, 0, 0]

  it.each([
    ['ten steps of plain SGD', { lr: 0.25, steps: [10] }, [1.25, 1.25, 1, 1], 0.75],
    ['two steps of plain SGD', { lr: 0.5, steps: [2] }, [0.5, 0.5, 1, 1], 1.5],
    [
      'two steps of FedProx',
      { lr: 0.5, steps: [2], objective: { fedprox: { mu: 1 } } },
      [0.375, 0.375, 0.75, 0.75],
      2.125,
    ],
    ['a first step of SCAFFOLD', { lr: 0.1, steps: [1], objective: 'scaffold' as const }, [0.05, 0.05, 0.1, 0.1], 3.75],
  ])('%s', async (_, given, expected, after) => {
    const { model } = await first({ slopes: [sign], rounds: 1, start: zeros, ...given })
    for (const [i, value] of model.entries()) expect(value).toBeCloseTo(expected[i]!, 6)
    expect(loss(model)).toBeCloseTo(after, 6)
  })

  const { hooks } = scaffold.make({})
  const start = { received: weightsOf(...zeros), instruction: {}, labels: [] }
  const shiftOf = (state: Parameters<typeof hooks>[0]['state']) =>
    valuesOf(hooks({ ...start, state })!.gradient!.shift!)
  const unit = numberAsWeights(0.1)

  it('a step with c - c_i = 0.1 goes less far, because the correction is added to the gradient', () => {
    const shift = shiftOf({
      shift: mapTensors(start.received, (data) => data.map(() => 0.1)),
      trained: start.received,
      unit,
    })
    const w = sign(zeros).map((slope, i) => -0.1 * (slope + shift[i]!))
    for (const [i, value] of w.entries()) expect(value).toBeCloseTo([0.04, 0.04, 0.09, 0.09][i]!, 6)
    expect(loss(w)).toBeCloseTo(3.78, 6)
  })

  // The tests of pfl-research want the opposite sign, which would add to the drift that it is to correct.
  it.each([
    [0, [0.05, 0.05, 0.1, 0.1]],
    [0.1, [0.04, 0.04, 0.09, 0.09]],
  ])('the control variate after that step is the gradient, with its sign: c was %d', (c, way) => {
    const before = mapTensors(start.received, (data) => data.map(() => c))
    // If w stays where it was, c - c_i of the next round is minus the new c_i.
    const shift = shiftOf({ shift: before, trained: weightsOf(...way), unit })
    for (const [i, value] of shift.entries()) expect(-value).toBeCloseTo([-0.5, -0.5, -1, -1][i]!, 5)
  })
})

it.each([
  [10, 0.9, 41.381059609],
  [1, 0.9, 1],
  [7, 0, 7],
])('%d steps with momentum %d go as far as %d without', async (steps, momentum, expected) => {
  expect(effectiveSteps(steps, momentum)).toBeCloseTo(expected, 9)
  const { model } = await first({
    slopes: [() => [-1]],
    steps: [steps],
    lr: 0.5,
    rounds: 1,
    momentum,
  })
  expect(model[0]).toBeCloseTo(expected / 2, 5)
})
