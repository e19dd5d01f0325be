import { describe, expect, it } from 'vitest'
import type { TrainPlan } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { hookedBy } from '../../src/engine/onnx/session/hook-tensors.ts'
import { openSessions } from '../../src/engine/onnx/session/job-sessions.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { B, block } from '../support/blocked-models.ts'
import { noisyWeights, someHooks } from '../support/hooks.ts'
import { conv, dense, dropout, flatten, pool, relu } from '../support/layers.ts'
import { job, open, plan, rejection, watch } from '../support/learner.ts'
import { bits, largestDifference } from '../support/numbers.ts'
import { range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const targets = [{ name: 'standard', target: {} }, ...(block ? [{ name: 'blocked', target: { block } }] : [])]

const model = buildModel([conv(B), relu, pool(2), flatten, dropout(0.2), dense(4)], [1, 12, 12], 4)
const start = initialWeights(model, 1)
const all = someHooks(model)['all of them']!
const allBits = (weights: Weights) => Object.fromEntries([...weights].map(([name, { data }]) => [name, bits(data)]))
const copyOf = (weights: Weights): Weights =>
  new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))

describe.each(targets)('hooked training, $name', ({ target }) => {
  /** Owners with hooks of their own, or with none: batches of 32 and a last one of 26. */
  const plans: Partial<TrainPlan>[] = [
    {},
    { hooks: all },
    { hooks: { gradient: { proximal: { mu: 0.1, anchor: start } } } },
    { hooks: { gradient: { proximal: { mu: 0.7, anchor: start }, shift: noisyWeights(model, 0.1, 9) } } },
    { hooks: { logits: { scale: Float32Array.of(1, 0.5, 1, 0.5) } } },
    { hooks: { perturb: { rho: 0.1 } } },
    { hooks: { teacher: { beta: 0.5, weights: start } } },
  ].map((given, i) => ({ ...given, owner: i + 1, train: range(i * 20, i * 20 + 90), epochs: 2 }))

  it('gives the same bits with one worker, with two, and again', async () => {
    const runs = await Promise.all(
      [1, 2].map(async (workers) => {
        const learner = await open({ workers, model }, target)
        const before = await Promise.all(plans.map((given) => watch(learner, start, given)))
        const again = await Promise.all(plans.toReversed().map((given) => watch(learner, start, given)))
        return [before, again.toReversed()].map((owners) => owners.map(({ trained }) => allBits(trained.weights)))
      }),
    )
    const [first, ...others] = runs.flat()
    for (const other of others) expect(other).toEqual(first)
  })

  it('does not ask whether the anchor is the start itself or a copy of it', async () => {
    const learner = await open({ model }, target)
    const anchored = async (anchor: Weights) => {
      const { trained } = await watch(learner, start, { hooks: { gradient: { proximal: { mu: 0.5, anchor } } } })
      return allBits(trained.weights)
    }
    expect(await anchored(copyOf(start))).toEqual(await anchored(start))
  })

  it('takes all values as inputs: another mu, anchor, shift or scale is another training', async () => {
    const learner = await open({ model }, target)
    const { gradient, logits } = all
    const others: ObjectiveHooks[] = [
      all,
      { logits: logits!, gradient: { ...gradient, proximal: { ...gradient!.proximal!, mu: 0.31 } } },
      { logits: logits!, gradient: { ...gradient, proximal: { ...gradient!.proximal!, anchor: start } } },
      { logits: logits!, gradient: { ...gradient, shift: noisyWeights(model, 0.1, 9) } },
      { gradient: gradient!, logits: { ...logits!, scale: Float32Array.of(1, 2, 1, 1) } },
      { gradient: gradient!, logits: { ...logits!, shift: Float32Array.of(0, 0, 0.5, 0) } },
      { ...all, perturb: { rho: 0.21 } },
      { ...all, teacher: { ...all.teacher!, beta: 0.6 } },
      { ...all, teacher: { ...all.teacher!, weights: start } },
      { ...all, teacher: { ...all.teacher!, classes: Float32Array.of(1, 1, 1, 0) } },
    ]
    const outcomes = new Set<string>()
    for (const hooks of others) {
      const { trained } = await watch(learner, start, { hooks, epochs: 1 })
      outcomes.add(JSON.stringify(allBits(trained.weights)))
    }
    expect(outcomes.size).toBe(others.length)
  })

  it('is the training without hooks if mu is 0', async () => {
    const learner = await open({ model }, target)
    const { trained: plain } = await watch(learner, start)
    const { trained } = await watch(learner, start, {
      hooks: { gradient: { proximal: { mu: 0, anchor: noisyWeights(model, 1, 5) } } },
    })
    for (const [name, { data }] of plain.weights) {
      expect(largestDifference(trained.weights.get(name)!.data, data), name).toBeLessThan(1e-7)
    }
  })

  it('leaves the evaluation as it is, and the hooks too', async () => {
    const learner = await open({ model }, target)
    const shift = noisyWeights(model, 0.05, 9)
    const before = [allBits(start), allBits(shift)]
    const { trained } = await watch(learner, start, {
      hooks: {
        gradient: { proximal: { mu: 0.1, anchor: start }, shift },
        logits: { shift: Float32Array.of(9, 0, 0, 0) },
      },
    })
    expect(await learner.evaluate(trained.weights, plan().test)).toEqual(trained.local)
    expect([allBits(start), allBits(shift)]).toEqual(before)
  })
})

describe.each([
  ['onnx', () => open({ model })],
  ['tfjs', () => openTfjs({ model })],
] as const)('the %s engine refuses hooks that do not fit, before it trains', (_, openLearner) => {
  const weights = (name: string, tensor: { shape: number[]; data: Float32Array } | undefined): Weights => {
    const others = new Map(noisyWeights(model, 0.1, 3))
    if (tensor) others.set(name, tensor)
    else others.delete(name)
    return others
  }
  const nan = Float32Array.of(0, 0, Number.NaN, 0)
  const anchor = (anchor: Weights, mu = 0.1): ObjectiveHooks => ({ gradient: { proximal: { mu, anchor } } })
  const shift = (shift: Weights): ObjectiveHooks => ({ gradient: { shift } })

  it.each<[string, ObjectiveHooks]>([
    ['the anchor has no conv1.bias', anchor(weights('conv1.bias', undefined))],
    ["the gradient's shift has no dense1.weight", shift(weights('dense1.weight', undefined))],
    [
      'the anchor has dense2.bias, which the model has not',
      anchor(weights('dense2.bias', { shape: [4], data: new Float32Array(4) })),
    ],
    [
      "dense1.bias of the gradient's shift is [2,2], not [4]",
      shift(weights('dense1.bias', { shape: [2, 2], data: new Float32Array(4) })),
    ],
    [
      'dense1.bias of the anchor has 3 values, not 4',
      anchor(weights('dense1.bias', { shape: [4], data: new Float32Array(3) })),
    ],
    ["dense1.bias of the gradient's shift holds NaN", shift(weights('dense1.bias', { shape: [4], data: nan }))],
    ['mu is Infinity: expected a finite number', anchor(start, Number.POSITIVE_INFINITY)],
    ['mu is 1e+39: expected a finite number', anchor(start, 1e39)],
    ["the logits' scale has 3 values for 4 classes", { logits: { scale: new Float32Array(3) } }],
    ["the logits' shift has 5 values for 4 classes", { logits: { shift: new Float32Array(5) } }],
    [
      "the logits' shift is -Infinity for class 1",
      { logits: { shift: Float32Array.of(0, Number.NEGATIVE_INFINITY, 0, 0) } },
    ],
    ["the logits' scale is NaN for class 2", { logits: { scale: nan } }],
    ['rho is NaN: expected a finite number', { perturb: { rho: Number.NaN } }],
    ['beta is Infinity: expected a finite number', { teacher: { beta: Number.POSITIVE_INFINITY, weights: start } }],
    ['the teacher has no conv1.bias', { teacher: { beta: 1, weights: weights('conv1.bias', undefined) } }],
    [
      "the teacher's part in classes has 3 values for 4 classes",
      { teacher: { beta: 1, weights: start, classes: new Float32Array(3) } },
    ],
  ])('%s', async (message, hooks) => {
    const learner = await openLearner()
    let reports = 0
    const error = await rejection(learner.train(start, plan({ hooks }), () => reports++))
    expect(error).toMatchObject({
      name: 'FedunifyError',
      kind: 'training',
      message: `owner 3, round 2: ${message}`,
    })
    expect(reports).toBe(0)
  })
})

describe.each(targets)('sessions, $name', ({ target }) => {
  it('are one for each set of hooks, and are kept', async () => {
    const sessions = openSessions({ device: 'cpu', ...target }, job({ model }))
    const made = (hooks: ObjectiveHooks) => sessions.training(32, 32, hookedBy(hooks))
    const other: ObjectiveHooks = { ...all, gradient: { ...all.gradient, shift: noisyWeights(model, 1, 2) } }
    expect(await made(other)).toBe(await made(all))
    expect(await made({})).toBe(await made({}))
    const distinct = Object.values(someHooks(model)).map((hooks) => made(hooks))
    // A scale and a shift of the logits have one graph: together they are a few numbers.
    expect(new Set(await Promise.all([made({}), ...distinct])).size).toBe(9)
    for (const session of new Set(await Promise.all([made({}), ...distinct]))) await session.release()
  })
})

describe('a hooked training that diverges', () => {
  it('names owner, round and tensor as any other', async () => {
    const learner = await open({ model })
    const hooks: ObjectiveHooks = { gradient: { proximal: { mu: 1e30, anchor: noisyWeights(model, 1, 5) } } }
    const error = await rejection(watch(learner, start, { hooks }))
    expect(error).toMatchObject({ kind: 'training' })
    expect((error as Error).message).toMatch(/^owner 3, round 2: (loss|\S+\.(weight|bias)) became -?(NaN|Infinity)/)
  })
})
