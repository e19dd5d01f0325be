import { describe, expect, it } from 'vitest'
import type { Learner, LearnerJob, OptimizerSettings, Progress, TrainPlan } from '../../src/engine/engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { someHooks } from '../support/hooks.ts'
import { LAYERS, open, watch } from '../support/learner.ts'
import { mergeOf } from '../support/merging.ts'
import { largestDifference } from '../support/numbers.ts'
import { quarters, range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

/** A whole batch and a smaller one in each epoch, so that either engine reports every single step: 20 in all. */
const BATCH = 16
const SET = BATCH + 7
const EPOCHS = 10

const conv = (filters: number, kernel: number, padding: 'same' | 'valid'): Layer => ({
  type: 'conv2d',
  filters,
  kernel,
  padding,
})
const [relu, flatten]: Layer[] = [{ type: 'relu' }, { type: 'flatten' }]
const pool = (size: number): Layer => ({ type: 'maxpool2d', size })
const dense = (units: number): Layer => ({ type: 'dense', units })
const dropout = (rate: number): Layer => ({ type: 'dropout', rate })

const MODELS: Record<string, Layer[]> = {
  'same padding': LAYERS,
  'valid padding, two convolutions': [
    conv(3, 3, 'valid'),
    relu!,
    pool(2),
    conv(5, 2, 'valid'),
    relu!,
    flatten!,
    dense(4),
  ],
  'an even kernel with its uneven padding': [conv(3, 4, 'same'), relu!, pool(3), flatten!, dense(6), relu!, dense(4)],
  'a kernel larger than the image': [pool(4), conv(4, 6, 'same'), relu!, flatten!, dense(4)],
  'dropout of images, activations and features': [
    dropout(0.1),
    conv(4, 3, 'same'),
    relu!,
    dropout(0.4),
    pool(2),
    flatten!,
    dense(8),
    relu!,
    dropout(0.3),
    dense(4),
  ],
  'no convolution': [flatten!, dense(9), relu!, dense(4)],
  'an etf': [conv(3, 3, 'same'), relu!, pool(2), flatten!, dense(8), { type: 'etf', scale: 10, learn: true }],
  'an etf of fixed scale': [flatten!, dense(8), dropout(0.2), { type: 'etf', scale: 4, learn: false }],
}

const OPTIMIZERS: [OptimizerSettings, number][] = [
  [{ kind: 'sgd', momentum: 0, weightDecay: 0.01 }, 0.05],
  [{ kind: 'momentum', momentum: 0.9, weightDecay: 0.001 }, 0.01],
  [{ kind: 'adam', momentum: 0, weightDecay: 0.01 }, 0.002],
]

interface Outcome {
  readonly steps: readonly Progress[]
  readonly merged: Weights
  readonly evaluations: readonly Awaited<ReturnType<Learner['evaluate']>>[]
}

/** A round of two owners from the same weights, their average, and its evaluation. */
async function round(learner: Learner, start: Weights, plan: Partial<TrainPlan>): Promise<Outcome> {
  const owners = []
  for (const owner of [1, 2]) {
    owners.push(await watch(learner, start, { ...plan, owner, train: range(owner * 50, owner * 50 + SET) }))
  }
  const merged = mergeOf(
    'avg',
    owners.map(({ trained }, i) => ({ owner: i + 1, trainImages: SET, weights: trained.weights })),
  )
  return {
    steps: owners.flatMap(({ progress }) => progress),
    merged,
    evaluations: [...owners.map(({ trained }) => trained.local!), await learner.evaluate(merged, range(300, 457))],
  }
}

function expectSame(tfjs: Outcome, onnx: Outcome): void {
  expect(tfjs.steps).toHaveLength(2 * 2 * EPOCHS)
  for (const [i, { loss, ...place }] of tfjs.steps.entries()) {
    const { loss: expected, ...there } = onnx.steps[i]!
    expect(place).toEqual(there)
    expect(Math.abs(loss / expected - 1), `step ${i}`).toBeLessThan(1e-4)
  }
  expect([...tfjs.merged.keys()]).toEqual([...onnx.merged.keys()])
  for (const [name, { shape, data }] of onnx.merged) {
    expect(tfjs.merged.get(name)!.shape).toEqual(shape)
    expect(largestDifference(tfjs.merged.get(name)!.data, data), name).toBeLessThan(1e-5)
  }
  for (const [i, evaluation] of tfjs.evaluations.entries()) {
    const { lossSum, ...counts } = onnx.evaluations[i]!
    expect(evaluation).toMatchObject(counts)
    expect(Math.abs(evaluation.lossSum / lossSum - 1)).toBeLessThan(1e-4)
  }
}

describe.each(Object.entries(MODELS))('the tfjs engine trains as the onnx engine does: %s', (_, layers) => {
  it.each(OPTIMIZERS)('%o', async (optimizer, lr) => {
    // 11 rows and columns: no pool divides them.
    const dataset = quarters(500, 11)
    const model = buildModel(layers, [1, 11, 11], 4)
    const given: Partial<LearnerJob> = { model, dataset, optimizer }
    const start = initialWeights(model, 5)
    const plan = { batch: BATCH, epochs: EPOCHS, lr }
    const [onnx, tfjs] = [await open(given), await openTfjs(given)]
    const expected = await round(onnx, start, plan)
    expectSame(await round(tfjs, start, plan), expected)
    for (const [name, { data }] of expected.merged) {
      expect(largestDifference(data, start.get(name)!.data), name).toBeGreaterThan(1e-3)
    }
  })
})

describe('the tfjs engine hooks as the onnx engine does', () => {
  const dropped = MODELS['dropout of images, activations and features']!
  const model = buildModel(dropped, [1, 11, 11], 4)
  const start = initialWeights(model, 5)
  const hooks = someHooks(model)
  const { mu } = hooks['a proximal term']!.gradient!.proximal!
  const cases = { ...hooks, 'the start as the anchor': { gradient: { proximal: { mu, anchor: start } } } }

  it.each(
    Object.entries(cases).flatMap(([name, hooks]) =>
      OPTIMIZERS.map(([settings, lr]) => ({ name, hooks, settings, lr })),
    ),
  )('$name, $settings.kind', { timeout: 120_000 }, async ({ hooks, settings, lr }) => {
    const given: Partial<LearnerJob> = { model, dataset: quarters(500, 11), optimizer: settings }
    const plan = { batch: BATCH, epochs: EPOCHS, lr, hooks }
    const [onnx, tfjs] = [await open(given), await openTfjs(given)]
    const expected = await round(onnx, start, plan)
    expectSame(await round(tfjs, start, plan), expected)
    const plain = await round(onnx, start, { ...plan, hooks: {} })
    for (const [name, { data }] of expected.merged) {
      expect(largestDifference(data, plain.merged.get(name)!.data), name).toBeGreaterThan(1e-4)
    }
  })
})
