import { describe, expect, it } from 'vitest'
import type { OptimizerSettings } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import type { Blocks } from '../../src/engine/onnx/graph/layers/blocked-kernels.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { B, block } from '../support/blocked-models.ts'
import { type Chunk, openTrainer } from '../support/chunk.ts'
import { expectFiniteDifferences, slopes } from '../support/finite-differences.ts'
import { type Parameters, toFloat64 } from '../support/float64-network.ts'
import { float64Objective, noisyWeights, perturbation, someHooks } from '../support/hooks.ts'
import { conv, dense, flatten, pool, relu } from '../support/layers.ts'
import { NORMALISE } from '../support/learner.ts'
import { bits, norm, relativeError } from '../support/numbers.ts'
import { someSteps } from '../support/steps.ts'

const mlp = buildModel([flatten, dense(7), relu, dense(3)], [1, 4, 4], 3)
const kinds = ['sgd', 'momentum', 'adam'] as const

/** Images of a chunk as they are behind the normalisation, float64, and labels, step by step. */
function batches(model: Model, { images, labels, steps }: Chunk) {
  const batch = labels.length / steps
  const [pixels, { mean, std }] = [batch * sizeOf(model.input), NORMALISE]
  return Array.from({ length: steps }, (_, i) => ({
    x: Float64Array.from(images.subarray(i * pixels, (i + 1) * pixels), (value) => (value / 255 - mean) / std),
    labels: labels.slice(i * batch, (i + 1) * batch),
  }))
}

describe('the hooked gradient is that of the whole objective', () => {
  const small = buildModel([conv(B), relu, pool(2), conv(B), flatten, dense(3)], [1, 7, 6], 3)
  const cnn = buildModel(presetLayers('cnn', 10), [1, 8, 8], 10)
  const layouts: Record<string, Blocks | undefined> = {
    standard: undefined,
    ...(block && { blocked: { block }, 'blocked, for batches of this size': { block, batch: 3 } }),
  }
  const models: Record<string, Model> = { mlp, 'a small CNN': small, 'the reference CNN': cnn }
  const cases = Object.keys(models).flatMap((name) =>
    Object.keys(layouts).flatMap((layout) =>
      Object.keys(someHooks(mlp))
        .filter((hooked) => models[name] !== cnn || hooked === 'all of them')
        .map((hooked) => [name, layout, hooked] as const),
    ),
  )

  it.each(cases)('%s, %s: %s', async (name, layout, hooked) => {
    const [model, blocks] = [models[name]!, layouts[layout]]
    const hooks = someHooks(model)[hooked]!
    const weightDecay = 0.05
    // The first velocity is lr times the gradient.
    const settings: OptimizerSettings = { kind: 'momentum', momentum: 0.9, weightDecay }
    const trainer = await openTrainer(model, NORMALISE, settings, { hooks, ...(blocks && { blocks }) })
    const weights = initialWeights(model, 3)
    const chunk = { ...someSteps(model, 1, 3), lr: 1 }
    const gradientsBy = async (trainer: Awaited<ReturnType<typeof openTrainer>>) => {
      const { state } = await trainer.run(trainer.start(weights), chunk)
      return new Map(model.parameters.map((p) => [p.name, state[`velocity.${p.name}`]!]))
    }
    const gradients = await gradientsBy(trainer)
    // The loss's own gradient at the weights, which the other cases compare with finite differences.
    const own = async () => {
      const { gradient: _, perturb: __, ...loss } = hooks
      const plain = { hooks: loss, ...(blocks && { blocks }) }
      return await gradientsBy(await openTrainer(model, NORMALISE, { ...settings, weightDecay: 0 }, plain))
    }
    const away = hooks.perturb && perturbation(await own(), hooks.perturb.rho)
    const [{ x, labels }] = batches(model, chunk) as [ReturnType<typeof batches>[0]]
    const objective = (at: Parameters) => float64Objective(model, x, labels, at, hooks, weightDecay, away)
    expectFiniteDifferences(gradients, objective, toFloat64(weights), 1e-4)
  })

  it('and the loss is the cross-entropy of the mapped logits alone', async () => {
    const all = someHooks(mlp)['all of them']!
    const settings: OptimizerSettings = { kind: 'sgd', momentum: 0, weightDecay: 0.05 }
    const trainer = await openTrainer(mlp, NORMALISE, settings, { hooks: all })
    const chunk = someSteps(mlp, 1, 5)
    const weights = initialWeights(mlp, 3)
    const { losses } = await trainer.run(trainer.start(weights), chunk)
    const [{ x, labels }] = batches(mlp, chunk) as [ReturnType<typeof batches>[0]]
    const expected = float64Objective(mlp, x, labels, toFloat64(weights), {
      logits: all.logits!,
      targets: all.targets!,
    })
    expect(losses[0]).toBeCloseTo(expected, 5)
  })
})

/** torch.optim's SGD and Adam for one number, in double precision; `t` counts updates from 1. */
function update(kind: (typeof kinds)[number], w: number, d: number, state: number[], t: number, lr: number): number {
  if (kind === 'sgd') return w - lr * d
  if (kind === 'momentum') {
    state[0] = 0.8 * (state[0] ?? 0) + d
    return w - lr * state[0]
  }
  state[0] = 0.9 * (state[0] ?? 0) + 0.1 * d
  state[1] = 0.999 * (state[1] ?? 0) + 0.001 * d * d
  return w - (lr * (state[0] / (1 - 0.9 ** t))) / (Math.sqrt(state[1] / (1 - 0.999 ** t)) + 1e-8)
}

describe.each(kinds)('six steps of %s are those of a reference in double precision', (kind) => {
  const lr = { sgd: 0.3, momentum: 0.1, adam: 0.01 }[kind]

  it.each(
    Object.entries(someHooks(mlp)).flatMap(([name, hooks]) => [0, 0.05].map((decay) => [name, decay, hooks] as const)),
  )('%s, weight decay %d', async (_, weightDecay, hooks) => {
    const chunk = { ...someSteps(mlp, 6, 5), lr }
    const start = initialWeights(mlp, 3)
    const trainer = await openTrainer(mlp, NORMALISE, { kind, momentum: 0.8, weightDecay }, { hooks })
    const { state } = await trainer.run(trainer.start(start), chunk)

    let parameters = toFloat64(start)
    const states = new Map([...parameters].map(([name, values]) => [name, Array.from(values, (): number[] => [])]))
    for (const [i, { x, labels }] of batches(mlp, chunk).entries()) {
      const { gradient: _, perturb, ...loss } = hooks
      const own = (at: Parameters) => float64Objective(mlp, x, labels, at, loss)
      const slope = () => new Map([...parameters.keys()].map((name) => [name, slopes(own, parameters, name)]))
      const away = perturb && perturbation(slope(), perturb.rho)
      const objective = (at: Parameters) => float64Objective(mlp, x, labels, at, hooks, weightDecay, away)
      parameters = new Map(
        [...parameters].map(([name, values]) => {
          const gradient = slopes(objective, parameters, name)
          return [name, values.map((w, at) => update(kind, w, gradient[at]!, states.get(name)![at]!, i + 1, lr))]
        }),
      )
    }
    for (const [name, values] of parameters) {
      // The way gone, not the place reached: weights that had not moved would be nearly right.
      const moved = (to: ArrayLike<number>) => Array.from(to, (value, at) => value - start.get(name)!.data[at]!)
      expect(norm(moved(values))).toBeGreaterThan(1e-2)
      expect(relativeError(moved(state[name]!), moved(values)), name).toBeLessThan(kind === 'adam' ? 1e-4 : 1e-5)
    }
  })
})

describe('by hand', () => {
  // Two features and two classes: a weight of four numbers. A scale of 0 takes the loss's own gradient away.
  const model = buildModel([flatten, dense(2)], [1, 1, 2], 2)
  const zero = Float32Array.of(0, 0)
  const tensors = (weight: number[], bias = [0, 0]) =>
    new Map([
      ['dense1.weight', { shape: [2, 2], data: Float32Array.from(weight) }],
      ['dense1.bias', { shape: [2], data: Float32Array.from(bias) }],
    ])
  const start = tensors([1, -2, 0.5, 3], [0.25, -1])
  const sgd: OptimizerSettings = { kind: 'sgd', momentum: 0, weightDecay: 0 }
  const trained = async (gradient: NonNullable<ObjectiveHooks['gradient']>, steps: number, lr: number) => {
    const hooks = { gradient, logits: { scale: zero } }
    const trainer = await openTrainer(model, NORMALISE, sgd, { hooks })
    const { state } = await trainer.run(trainer.start(start), { ...someSteps(model, steps, 3), lr })
    return (name: string) => state[name]!
  }
  const change = (after: Float32Array) => Array.from(after, (w, i) => w - start.get('dense1.weight')!.data[i]!)

  it('a proximal term alone pulls w to the anchor, by lr * mu of the way in every step', async () => {
    const anchor = tensors([0, 2, 0.5, -1], [1, 1])
    const w = await trained({ proximal: { mu: 0.5, anchor } }, 1, 0.25)
    for (const [name, { data }] of start) {
      const to = anchor.get(name)!.data
      expect(Array.from(w(name))).toEqual(Array.from(data, (value, i) => value - (value - to[i]!) / 8))
    }
    const twice = await trained({ proximal: { mu: 0.5, anchor } }, 2, 0.25)
    for (const [name, { data }] of start) {
      const to = anchor.get(name)!.data
      expect(Array.from(twice(name))).toEqual(Array.from(data, (value, i) => to[i]! + (value - to[i]!) * 0.875 ** 2))
    }
  })

  it('a model at its anchor stays there to the last bit', async () => {
    const w = await trained({ proximal: { mu: 1000, anchor: start } }, 5, 0.1)
    for (const [name, { data }] of start) expect(bits(w(name))).toEqual(bits(data))
  })

  // A loss whose gradient is [-.5, -.5, -1, -1] everywhere: apple/pfl-research, tests of FedProx and SCAFFOLD.
  const slope = [-0.5, -0.5, -1, -1]

  it.each([
    [0, [0.5, 0.5, 1, 1]],
    [1, [0.375, 0.375, 0.75, 0.75]],
  ])('two steps of FedProx with mu %d', async (mu, expected) => {
    const w = await trained({ proximal: { mu, anchor: start }, shift: tensors(slope) }, 2, 0.5)
    expect(change(w('dense1.weight'))).toEqual(expected)
  })

  it.each([
    [0, [0.05, 0.05, 0.1, 0.1]],
    [0.1, [0.04, 0.04, 0.09, 0.09]],
  ])('a step of SCAFFOLD with c - c_i of %d', async (c, expected) => {
    const w = await trained({ shift: tensors(slope.map((g) => g + c)) }, 1, 0.1)
    for (const [i, value] of change(w('dense1.weight')).entries()) expect(value).toBeCloseTo(expected[i]!, 6)
  })
})

describe('a perturbation by hand', () => {
  // One image of the value 1 and two classes: logits w_c + b_c, from 0. Each of the four gradients is ±p for the
  // probability p of the wrong class, so that half of rho goes to each weight, and 2 rho to the difference of the logits.
  const model = buildModel([flatten, dense(2)], [1, 1, 1], 2)
  const start: Weights = new Map([
    ['dense1.weight', { shape: [2, 1], data: Float32Array.of(0, 0) }],
    ['dense1.bias', { shape: [2], data: Float32Array.of(0, 0) }],
  ])
  const sgd: OptimizerSettings = { kind: 'sgd', momentum: 0, weightDecay: 0 }
  const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
  const trained = async (hooks: ObjectiveHooks, lr: number, steps = 1) => {
    const trainer = await openTrainer(model, { mean: 0, std: 1 }, sgd, { hooks })
    const chunk = { images: new Uint8Array(steps).fill(255), labels: new Array(steps).fill(0), steps, lr, done: 0 }
    const { state, losses } = await trainer.run(trainer.start(start), chunk)
    return { w: Array.from(state['dense1.weight']!), b: Array.from(state['dense1.bias']!), losses }
  }
  const close = (...values: number[]) => values.map((value) => expect.closeTo(value, 6))

  it.each([0.05, 0.5, 1, 3])('a step with rho %d', async (rho) => {
    const { w, b, losses } = await trained({ perturb: { rho } }, 0.25)
    const p = sigmoid(2 * rho)
    expect([w, b]).toEqual([close(p / 4, -p / 4), close(p / 4, -p / 4)])
    // The loss is that at the weights themselves.
    expect(losses[0]).toBeCloseTo(Math.LN2, 6)
  })

  it('a second step begins where the first one ended, and not nearby', async () => {
    const { w, losses } = await trained({ perturb: { rho: 0.5 } }, 0.25, 2)
    const first = sigmoid(1)
    const second = sigmoid(1 - first)
    expect(w).toEqual(close((first + second) / 4, -(first + second) / 4))
    expect(losses[1]).toBeCloseTo(Math.log(1 + Math.exp(-first)), 6)
  })

  it('is nearly plain SGD if rho is small: the slope of a sigmoid is at most 1/4', async () => {
    const { w: plain } = await trained({}, 1)
    for (const rho of [0.1, 0.01, 0.001]) {
      const { w } = await trained({ perturb: { rho } }, 1)
      const apart = w[0]! - plain[0]!
      expect(apart).toBeGreaterThan(0.45 * rho)
      expect(apart).toBeLessThanOrEqual(0.5 * rho + 1e-6)
    }
  })

  it('leads nowhere if the loss has no gradient, and other terms have no part in it', async () => {
    const shift: Weights = new Map([
      ['dense1.weight', { shape: [2, 1], data: Float32Array.of(1, -3) }],
      ['dense1.bias', { shape: [2], data: Float32Array.of(0.5, 0) }],
    ])
    const flat = { logits: { scale: Float32Array.of(0, 0) }, gradient: { shift } }
    const { w, b } = await trained({ ...flat, perturb: { rho: 2 } }, 0.5)
    expect([w, b]).toEqual([
      [-0.5, 1.5],
      [-0.25, 0],
    ])
    // FedProx pulls at the weights themselves: with the anchor at them, not at all.
    const pulled = await trained({ gradient: { proximal: { mu: 5, anchor: start }, shift }, perturb: { rho: 1 } }, 0.25)
    const p = sigmoid(2)
    expect(pulled.w).toEqual(close((p - 1) / 4, (3 - p) / 4))
  })
})

describe('a teacher by hand', () => {
  // One image of the value 1 and the class 0 of three: logits b_c.
  const model = buildModel([flatten, dense(3)], [1, 1, 1], 3)
  const tensors = (...bias: number[]): Weights =>
    new Map([
      ['dense1.weight', { shape: [3, 1], data: new Float32Array(3) }],
      ['dense1.bias', { shape: [3], data: Float32Array.from(bias) }],
    ])
  const sgd: OptimizerSettings = { kind: 'sgd', momentum: 0, weightDecay: 0 }
  const gradient = async (start: Weights, hooks: ObjectiveHooks) => {
    const trainer = await openTrainer(model, { mean: 0, std: 1 }, sgd, { hooks })
    const chunk = { images: Uint8Array.of(255), labels: [0], steps: 1, lr: 1, done: 0 }
    const { state, losses } = await trainer.run(trainer.start(start), chunk)
    const bias = Array.from(state['dense1.bias']!, (to, c) => start.get('dense1.bias')!.data[c]! - to)
    return { bias, loss: losses[0]! }
  }
  const close = (...values: number[]) => values.map((value) => expect.closeTo(value, 6))

  it('has a say between the classes that are not the own one, by beta', async () => {
    // Of the classes 1 and 2 the teacher gives 3/4 and 1/4, the model halves; cross-entropy has -2/3, 1/3, 1/3.
    const teacher = { beta: 2, weights: tensors(5, Math.log(3), 0) }
    const { bias, loss } = await gradient(tensors(0, 0, 0), { teacher })
    expect(bias).toEqual(close(-2 / 3, 1 / 3 - 2 / 4, 1 / 3 + 2 / 4))
    expect(loss).toBeCloseTo(Math.log(3), 6)
  })

  it('sees the logits as they are, ahead of their hook', async () => {
    const logits = { scale: Float32Array.of(0, 0, 0) }
    const { bias } = await gradient(tensors(0, 0, Math.log(4)), {
      logits,
      teacher: { beta: 1, weights: tensors(0, 0, 0) },
    })
    expect(bias).toEqual(close(0, 1 / 5 - 1 / 2, 4 / 5 - 1 / 2))
  })

  it('has none where one class is in question, or where it agrees', async () => {
    const plain = (await gradient(tensors(1, 2, 3), {})).bias
    const one = { beta: 9, weights: tensors(0, 7, 0), classes: Float32Array.of(1, 0, 1) }
    expect((await gradient(tensors(1, 2, 3), { teacher: one })).bias).toEqual(close(...plain))
    const same = { beta: 9, weights: tensors(-4, 2.5, 3.5) }
    expect((await gradient(tensors(1, 2, 3), { teacher: same })).bias).toEqual(close(...plain))
  })
})

describe('hooks that change nothing', () => {
  const models = { mlp, 'a CNN': buildModel([conv(B), relu, pool(2), conv(B), flatten, dense(3)], [1, 7, 6], 3) }
  const layouts = { standard: undefined, ...(block && { blocked: { block }, 'blocked, of 8': { block, batch: 8 } }) }
  const cases = Object.keys(models).flatMap((name) =>
    Object.keys(layouts).flatMap((layout) =>
      kinds.flatMap((kind) => [0, 0.01].map((decay) => [name, layout, kind, decay] as const)),
    ),
  )

  // With no term the gradient ends in the same operator, and onto the same numbers, as in the graph without hooks.
  it.each(cases)('leave every bit: %s, %s, %s, weight decay %d', async (name, layout, kind, weightDecay) => {
    const model = models[name as keyof typeof models]
    const settings = { kind, momentum: 0.9, weightDecay }
    const blocks = layouts[layout as keyof typeof layouts]
    const nothing = new Map(
      model.parameters.map(({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }]),
    )
    const hooks: ObjectiveHooks = {
      gradient: { scale: 1, proximal: { mu: 0, anchor: noisyWeights(model, 1, 5) }, shift: nothing },
      logits: { scale: new Float32Array(3).fill(1), shift: new Float32Array(3) },
      targets: { smoothing: 0 },
      perturb: { rho: 0 },
      teacher: { beta: 0, weights: noisyWeights(model, 1, 6) },
    }
    const run = async (given: { hooks?: ObjectiveHooks }) => {
      const trainer = await openTrainer(model, NORMALISE, settings, { ...given, ...(blocks && { blocks }) })
      const { state, losses } = await trainer.run(trainer.start(initialWeights(model, 3)), someSteps(model, 6, 8))
      return [bits(losses), Object.entries(state).map(([tensor, values]) => [tensor, bits(values)])]
    }
    expect(await run({ hooks })).toEqual(await run({}))
  })
})

describe('chunks with hooks', () => {
  it.each(kinds)('%s: six steps are the same to the last bit in one, two or six chunks', async (kind) => {
    const hooks = someHooks(mlp)['all of them']!
    const trainer = await openTrainer(mlp, NORMALISE, { kind, momentum: 0.9, weightDecay: 0.01 }, { hooks })
    const whole = someSteps(mlp, 6, 5)
    const cut = async (...ends: number[]) => {
      let state = trainer.start(initialWeights(mlp, 3))
      for (const [i, end] of ends.entries()) {
        const from = ends[i - 1] ?? 0
        const images = whole.images.slice(from * 80, end * 80)
        const labels = whole.labels.slice(from * 5, end * 5)
        state = (await trainer.run(state, { images, labels, steps: end - from, lr: 0.02, done: from })).state
      }
      return Object.entries(state).map(([tensor, values]) => [tensor, bits(values)])
    }
    const once = await cut(6)
    expect(await cut(3, 6)).toEqual(once)
    expect(await cut(1, 2, 3, 4, 5, 6)).toEqual(once)
  })
})
