import { describe, expect, it } from 'vitest'
import type { OptimizerSettings } from '../../src/engine/engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { range } from '../../src/random.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { type Chunk, openTrainer, type State } from '../support/chunk.ts'
import { bits, noise, norm, relativeError } from '../support/numbers.ts'
import { openStep } from '../support/one-step.ts'

const normalise = { mean: 0.4, std: 0.3 }
const STEPS = 6
const BATCH = 5

const mlp = buildModel(
  [{ type: 'flatten' }, { type: 'dense', units: 7 }, { type: 'relu' }, { type: 'dense', units: 3 }],
  [1, 4, 4],
  3,
)
const images = Uint8Array.from(noise(STEPS * BATCH * 16, 11), (value) => Math.round((value + 1) * 127))
const labels = Array.from(range(STEPS * BATCH), (i) => i % 3)
const everything = (lr: number): Chunk => ({ images, labels, steps: STEPS, lr, done: 0 })

/** Steps `from` to `to` of the same training. */
function part({ lr, keys }: Pick<Chunk, 'lr' | 'keys'>, from: number, to: number): Chunk {
  const cut = (per: number): [number, number] => [from * per, to * per]
  return {
    images: images.slice(...cut(BATCH * 16)),
    labels: labels.slice(...cut(BATCH)),
    steps: to - from,
    lr,
    done: from,
    ...(keys && { keys: keys.slice(from, to) }),
  }
}

/** torch.optim's SGD and Adam written out for one number, in double precision; `t` counts updates from 1. */
type Update = (w: number, gradient: number, state: number[], t: number, lr: number) => number

const closed: Record<OptimizerSettings['kind'], (s: OptimizerSettings) => Update> = {
  sgd: (s) => (w, gradient, _state, _t, lr) => w - lr * (gradient + s.weightDecay * w),
  momentum: (s) => (w, gradient, state, _t, lr) => {
    state[0] = s.momentum * (state[0] ?? 0) + gradient + s.weightDecay * w
    return w - lr * state[0]
  },
  adam: (s) => (w, gradient, state, t, lr) => {
    const d = gradient + s.weightDecay * w
    state[0] = 0.9 * (state[0] ?? 0) + 0.1 * d
    state[1] = 0.999 * (state[1] ?? 0) + 0.001 * d * d
    return w - (lr * (state[0] / (1 - 0.9 ** t))) / (Math.sqrt(state[1] / (1 - 0.999 ** t)) + 1e-8)
  },
}

/** The same training step by step: gradients from the graph of gradients, updates by the closed formula. */
async function byHand(settings: OptimizerSettings, lr: number): Promise<Map<string, number[]>> {
  const step = await openStep(mlp)
  const update = closed[settings.kind](settings)
  const parameters = new Map([...initialWeights(mlp, 3)].map(([name, { data }]) => [name, Array.from(data)]))
  const states = new Map([...parameters].map(([name, values]) => [name, values.map((): number[] => [])]))
  for (let t = 1; t <= STEPS; t++) {
    const chunk = part({ lr }, t - 1, t)
    const x = Float32Array.from(chunk.images, (value) => (value / 255 - normalise.mean) / normalise.std)
    const weights: Weights = new Map(
      mlp.parameters.map(({ name, shape }) => [name, { shape, data: Float32Array.from(parameters.get(name)!) }]),
    )
    const { gradients } = await step(x, chunk.labels, weights)
    for (const [name, values] of parameters) {
      const gradient = gradients.get(name)!
      for (let i = 0; i < values.length; i++) {
        values[i] = update(values[i]!, gradient[i]!, states.get(name)![i]!, t, lr)
      }
    }
  }
  return parameters
}

const kinds = ['sgd', 'momentum', 'adam'] as const
const learningRate = { sgd: 0.3, momentum: 0.1, adam: 0.01 }

describe.each(kinds)('%s', (kind) => {
  it.each([0, 0.05])('follows its formula with a weight decay of %d', async (weightDecay) => {
    const settings = { kind, momentum: 0.8, weightDecay }
    const lr = learningRate[kind]
    const trainer = await openTrainer(mlp, normalise, settings)
    const weights = initialWeights(mlp, 3)
    const { state } = await trainer.run(trainer.start(weights), everything(lr))
    const expected = await byHand(settings, lr)
    for (const [name, values] of expected) {
      const start = weights.get(name)!.data
      const moved = (to: ArrayLike<number>) => Array.from(to, (value, i) => value - start[i]!)
      // The way gone, not the place reached: weights that had not moved would be nearly right.
      expect(norm(moved(values))).toBeGreaterThan(1e-2)
      expect(relativeError(moved(state[name]!), moved(values)), name).toBeLessThan(kind === 'adam' ? 3e-6 : 1e-6)
    }
  })

  it('reads the learning rate from its input', async () => {
    const trainer = await openTrainer(mlp, normalise, { kind, momentum: 0.9, weightDecay: 0.01 })
    const weights = initialWeights(mlp, 3)
    const still = await trainer.run(trainer.start(weights), everything(0))
    for (const [name, { data }] of weights) expect(Array.from(still.state[name]!)).toEqual(Array.from(data))
    const [small, large] = await Promise.all(
      [1e-4, 2e-4].map((lr) => trainer.run(trainer.start(weights), part({ lr }, 0, 1))),
    )
    for (const [name, { data }] of weights) {
      const moved = (state: State) => state[name]!.map((value, i) => value - data[i]!)
      const twice = moved(small!.state).map((value) => 2 * value)
      expect(relativeError(moved(large!.state), twice), name).toBeLessThan(1e-2)
    }
  })

  it('gives the losses of each batch before its update', async () => {
    const trainer = await openTrainer(mlp, normalise, { kind, momentum: 0.9, weightDecay: 0 })
    const weights = initialWeights(mlp, 3)
    const { losses } = await trainer.run(trainer.start(weights), everything(0.01))
    const step = await openStep(mlp)
    const first = part({ lr: 0 }, 0, 1)
    const x = Float32Array.from(first.images, (value) => (value / 255 - normalise.mean) / normalise.std)
    expect(losses).toHaveLength(STEPS)
    expect(losses[0]).toBeCloseTo((await step(x, first.labels, weights)).loss, 5)
  })
})

describe('chunks', () => {
  const dropout: Layer = { type: 'dropout', rate: 0.4 }
  const layers: Layer[] = [
    { type: 'conv2d', filters: 3, kernel: 3, padding: 'same' },
    { type: 'relu' },
    { type: 'maxpool2d', size: 2 },
    dropout,
    { type: 'flatten' },
    { type: 'dense', units: 6 },
    { type: 'relu' },
    dropout,
    { type: 'dense', units: 3 },
  ]
  const models = { plain: layers.filter((layer) => layer !== dropout), dropout: layers }
  const keys = [4, 8, 15, 16, 23, 42]

  it.each(kinds.flatMap((kind) => (['plain', 'dropout'] as const).map((name) => [kind, name] as const)))(
    '%s, %s: six steps are the same to the last bit in one, two or six chunks',
    async (kind, name) => {
      const model = buildModel(models[name], [1, 4, 4], 3)
      const trainer = await openTrainer(model, normalise, { kind, momentum: 0.9, weightDecay: 0.01 })
      const lr = learningRate[kind]
      const cut = async (...ends: number[]) => {
        let state = trainer.start(initialWeights(model, 3))
        const losses: number[] = []
        for (const [i, end] of ends.entries()) {
          const next = await trainer.run(state, part({ lr, keys }, ends[i - 1] ?? 0, end))
          state = next.state
          losses.push(...next.losses)
        }
        return {
          losses,
          state: Object.fromEntries(Object.entries(state).map(([tensor, data]) => [tensor, bits(data)])),
        }
      }
      const whole = await cut(6)
      expect(await cut(3, 6)).toEqual(whole)
      expect(await cut(1, 2, 3, 4, 5, 6)).toEqual(whole)
      expect(Object.keys(whole.state)).toHaveLength(model.parameters.length * { sgd: 1, momentum: 2, adam: 3 }[kind])
    },
  )

  it('take the dropout key of their own step', async () => {
    const model = buildModel(layers, [1, 4, 4], 3)
    const trainer = await openTrainer(model, normalise, { kind: 'sgd', momentum: 0, weightDecay: 0 })
    const losses = async (given: number[]) =>
      (await trainer.run(trainer.start(initialWeights(model, 3)), part({ lr: 0, keys: given }, 0, 6))).losses
    const [a, b] = [await losses(keys), await losses([4, 8, 15, 17, 23, 42])]
    expect(Array.from(a, (loss, i) => loss === b[i])).toEqual([true, true, true, false, true, true])
  })
})
