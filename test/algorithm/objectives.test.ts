import { describe, expect, it } from 'vitest'
import { OBJECTIVES } from '../../src/algorithm/objective/registry.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { objectSource } from '../../src/config/source.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { make } from '../../src/parts.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { plainRounds, type Slope } from '../support/plain-owners.ts'

type Chosen = Parameters<typeof make<typeof OBJECTIVES>>[1]

describe('feddyn', () => {
  // Owners with the losses w²/2 and 3/2 (w - 4)².
  const slopes: Slope[] = [([w]) => [w!], ([w]) => [3 * (w! - 4)]]

  it('keeps minus lambda at each owner, and goes on at the server by all ways so far', async () => {
    const run = { slopes, steps: [1, 1], lr: 0.1, rounds: 2, objective: { feddyn: { alpha: 0.5 } } }
    const [first, second] = await plainRounds(run)
    const kept = (states: typeof first) => [1, 2].map((owner) => valuesOf(states!.states.get(owner)!.shift!)[0])
    // y 0 and 1.2, their mean 0.6; h = -0.5 * 0.6, so w = 0.6 + 0.6.
    expect(first!.model[0]).toBeCloseTo(1.2, 6)
    expect(kept(first)[0]).toBeCloseTo(0, 6)
    expect(kept(first)[1]).toBeCloseTo(0.6, 6)
    // y = 1.2 - 0.1 * 1.2 and 1.2 - 0.1 * (3 * -2.8 + 0.6), their mean 1.53; -h / alpha = 0.6 + 0.33.
    expect(second!.model[0]).toBeCloseTo(2.46, 5)
    expect(kept(second)[0]).toBeCloseTo(-0.06, 6)
    expect(kept(second)[1]).toBeCloseTo(0.99, 6)
  })

  it('pulls back to what was received within a round', async () => {
    const run = { slopes: [() => [-1]], steps: [2], lr: 0.5, rounds: 1, objective: { feddyn: { alpha: 0.5 } } }
    // 0.5, then 0.5 + 0.5 * (1 - 0.5 * 0.5) = 0.875; the server goes twice as far in the first round.
    expect((await plainRounds(run))[0]!.model).toEqual([1.75])
  })
})

describe('fedcm', () => {
  it('mixes the gradient with what the last round went in each step', async () => {
    const run = { slopes: [() => [-1]], steps: [2], lr: 0.1, rounds: 2, objective: { fedcm: { alpha: 0.25 } } }
    const [first, second] = await plainRounds(run)
    // Two steps of 0.1 * 0.25. Then the direction is -0.25, and the gradient 0.25 * -1 + 0.75 * -0.25 = -0.4375.
    expect(first!.model[0]).toBeCloseTo(0.05, 7)
    expect(second!.model[0]).toBeCloseTo(0.1375, 7)
  })

  it('keeps a copy of the model that it received: the memory of models is used again', async () => {
    const run = { slopes: [() => [-1]], steps: [1], lr: 1, rounds: 4, objective: { fedcm: { alpha: 0.5 } } }
    const rounds = await plainRounds(run)
    // Directions 0, -1/2, -3/4, -7/8, each the mean of that before and of the gradient.
    expect(rounds.map(({ model }) => model[0])).toEqual([0.5, 1.25, 2.125, 3.0625])
    expect(valuesOf(rounds[1]!.states.get(1)!.before!)).toEqual([0.5])
  })
})

describe('objectives that change logits and targets', () => {
  const labels = [0, 1, 16, 10_000]
  const start = { received: weightsOf(0), instruction: {}, state: {}, labels }
  const hooksFor = (of: typeof start, choice: Chosen): ObjectiveHooks => make(OBJECTIVES, choice).hooks(of)!
  const hooks = (choice: Chosen) => hooksFor(start, choice)

  it.each<[Chosen, number[]]>([
    [{ fedlc: { tau: 1, least: 1 } }, [-1, -1, -0.5, -0.1]],
    [{ fedlc: { tau: 2, least: 1e-8 } }, [-200, -2, -1, -0.2]],
    [{ 'balanced-softmax': { tau: 1, least: 1 } }, [0, 0, 4 * Math.LN2, 4 * Math.LN10]],
    [{ 'balanced-softmax': { tau: 0.5, least: 4 } }, [Math.LN2, Math.LN2, 2 * Math.LN2, 2 * Math.LN10]],
  ])('%j shifts the logits', (choice, expected) => {
    const { logits, gradient } = hooks(choice) as { logits: { shift: Float32Array }; gradient?: unknown }
    for (const [c, value] of logits.shift.entries()) expect(value).toBeCloseTo(expected[c]!, 5)
    expect([logits.shift.length, gradient]).toEqual([4, undefined])
  })

  it('fedrs scales those of classes without images', () => {
    expect(hooks({ fedrs: { alpha: 0.5 } })).toEqual({ logits: { scale: Float32Array.of(0.5, 1, 1, 1) } })
  })

  it('label-smoothing gives every class a share, whatever the counts are', () => {
    expect(hooks({ 'label-smoothing': { epsilon: 0.1 } })).toEqual({ targets: { smoothing: 0.1 } })
  })

  it('fedntd listens to the received model on all classes', () => {
    expect(hooks({ fedntd: { beta: 0.5 } })).toEqual({ teacher: { beta: 0.5, weights: start.received } })
  })

  it('vacant-classes listens on those without images, and shifts the logits by the counts', () => {
    const given = { ...start, labels: [0, 16, 0, 0] }
    const { teacher, logits } = hooksFor(given, { 'vacant-classes': { lambda: 2, least: 1 } })
    expect(teacher).toEqual({ beta: 2, weights: start.received, classes: Float32Array.of(1, 0, 1, 1) })
    expect(logits).toEqual({ shift: Float32Array.of(0, 4 * Math.LN2, 0, 0) })
    // One class alone has no others to be kept apart from.
    expect(hooks({ 'vacant-classes': { lambda: 2, least: 1 } }).teacher).toBeUndefined()
  })

  it('keep and send nothing', () => {
    for (const name of ['fedlc', 'balanced-softmax', 'fedrs', 'label-smoothing', 'fedntd', 'vacant-classes'] as const) {
      expect(Object.keys(make(OBJECTIVES, name as Chosen))).toEqual(['hooks'])
    }
  })
})

describe.each(['scaffold', 'feddyn', 'fedcm'])('%s is refused before a run', (objective) => {
  const resolved = (given: object) => resolveExperiment([objectSource({ objective, ...given })])

  it.each([
    [{ optimizer: 'adam' }, 'rescales', 'use optimizer sgd or momentum'],
    [{ init: 'independent' }, 'init is independent', 'use init shared'],
    [{ server: 'avgm' }, 'server avgm makes another one', 'use server none'],
    [{ merge: ['absmax', 'avg'] }, 'merge absmax is none', 'put avg or weighted-avg first'],
    [{ merge: 'task-arithmetic' }, 'merge task-arithmetic is none', 'put avg or weighted-avg first'],
  ])('with %j', (given, why, hint) => {
    expect(() => resolved(given)).toThrow(
      expect.objectContaining({
        code: 'E_CONFLICT',
        kind: 'usage',
        message: expect.stringMatching(new RegExp(`objective ${objective} .*${why}`)),
        hint: expect.stringContaining(hint),
      }),
    )
  })

  it('but not beside what goes with it', () => {
    const given = { optimizer: 'momentum', merge: ['weighted-avg', 'absmax'] }
    expect(resolved(given).merge).toEqual(['weighted-avg', 'absmax'])
  })
})
