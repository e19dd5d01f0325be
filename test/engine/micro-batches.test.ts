import { describe, expect, it } from 'vitest'
import type { OptimizerSettings } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { microBatchSize, widestBytes } from '../../src/engine/onnx/graph/micro-batch-size.ts'
import { measureCache } from '../../src/engine/onnx/machine/measure-cache.ts'
import { onnxEngine } from '../../src/engine/onnx/session/onnx-engine.ts'
import { initialWeights } from '../../src/model/init.ts'
import { buildModel, type Model } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { B, block, MODELS } from '../support/blocked-models.ts'
import { openTrainer } from '../support/chunk.ts'
import { someHooks } from '../support/hooks.ts'
import { conv, dense, flatten } from '../support/layers.ts'
import { DATASET, job, NORMALISE, plan } from '../support/learner.ts'
import { someSteps } from '../support/steps.ts'

const MOMENTUM: OptimizerSettings = { kind: 'momentum', momentum: 0.9, weightDecay: 0.01 }
const CNN = buildModel(presetLayers('cnn', 10), [1, 28, 28], 10)

const inSixteens = (model: Model) => microBatchSize(model, { block: B, batch: 64 }, 16 * widestBytes(model)) === 16

describe.skipIf(block === undefined)('micro-batches give the bits of a whole batch', () => {
  const models = Object.entries(MODELS).map(([name, [layers, input]]) => [name, buildModel(layers, input, 10)] as const)
  const trained = async (model: Model, blocks: { batch: number; microBatch?: number }, hooks: ObjectiveHooks = {}) => {
    const trainer = await openTrainer(model, NORMALISE, MOMENTUM, { hooks, blocks: { block: block!, ...blocks } })
    return await trainer.run(trainer.start(initialWeights(model, 3)), someSteps(model, 3, blocks.batch))
  }

  it('of models whose convolutions are all blocked', () => {
    const others = models.filter(([, model]) => !inSixteens(model)).map(([name]) => name)
    expect(others).toEqual([
      'mlp',
      'channels that fit no block between others that do',
      'a first layer that fits no block',
    ])
  })

  it.each(models.filter(([, model]) => inSixteens(model)))('of %s', async (_, model) => {
    const whole = await trained(model, { batch: 64 })
    for (const microBatch of [16, 32]) {
      expect(await trained(model, { batch: 64, microBatch }), `${microBatch} images`).toEqual(whole)
    }
  })

  it('of kernels too large to form their gradients image by image', async () => {
    const model = buildModel([conv(2 * B), conv(32 * B), flatten, dense(10)], [1, 5, 4], 10)
    const whole = await trained(model, { batch: 64 })
    for (const microBatch of [16, 32]) expect(await trained(model, { batch: 64, microBatch })).toEqual(whole)
  })

  it.each([32, 48, 96, 112])('of batches of %i', async (batch) => {
    const model = buildModel(presetLayers('cnn', 10), [1, 8, 8], 10)
    const whole = await trained(model, { batch })
    for (const microBatch of [16, 32].filter((size) => size < batch && batch % size === 0)) {
      expect(await trained(model, { batch, microBatch }), `${microBatch} images`).toEqual(whole)
    }
  })

  it.each(Object.entries(someHooks(buildModel(presetLayers('cnn', 10), [1, 8, 8], 10))))(
    'with %s',
    async (_, hooks) => {
      const model = buildModel(presetLayers('cnn', 10), [1, 8, 8], 10)
      const whole = await trained(model, { batch: 32 }, hooks)
      expect(await trained(model, { batch: 32, microBatch: 16 }, hooks)).toEqual(whole)
    },
  )
})

describe('the size of a micro-batch', () => {
  const size = (batch: number, cacheBytes: number, model = CNN) =>
    microBatchSize(model, { block: 16, batch }, cacheBytes)

  it('is the most images whose largest output fits', () => {
    // 32 channels of 28x28, of 4 bytes each.
    const image = 100_352
    expect(widestBytes(CNN)).toBe(image)
    expect([15, 16, 31, 32, 63, 64].map((images) => size(64, images * image))).toEqual([
      ...[undefined, 16, 16, 32, 32],
      // The whole batch fits.
      undefined,
    ])
    expect(size(128, 64 * image)).toBe(64)
  })

  it('divides the batch, in a power of two of 16 images', () => {
    const most = 40 * widestBytes(CNN)
    expect([16, 32, 48, 64, 80, 96, 100, 112].map((batch) => size(batch, most))).toEqual([
      ...[undefined, undefined, 16, 32, 16, 32, undefined, 16],
    ])
  })

  it('is none where nothing was gained, and where the model has no such sums', () => {
    expect(size(64, 0)).toBeUndefined()
    const mlp = buildModel(presetLayers('mlp', 10), [1, 28, 28], 10)
    expect(size(64, 1e6, mlp)).toBeUndefined()
    // 24 filters are no whole number of blocks of 16.
    const odd = buildModel([conv(24), flatten, dense(10)], [1, 28, 28], 10)
    expect(size(64, 16 * widestBytes(odd), odd)).toBeUndefined()
  })
})

describe('what a processor likes to have at a time', () => {
  const found = (...seconds: number[]) => measureCache(16, async () => seconds)

  it('is the output of the fastest micro-batch, if it is clearly faster than a whole one', async () => {
    expect(await found(1, 0.8, 0.9)).toBe(16 * widestBytes(CNN))
    expect(await found(1, 0.9, 0.8)).toBe(32 * widestBytes(CNN))
    expect(await found(1, 0.99, 1.2)).toBe(0)
    expect(await found(1, 1.1, 1.2)).toBe(0)
  })

  it.skipIf(block === undefined)('is measured', async () => {
    expect([0, 16, 32].map((images) => images * widestBytes(CNN))).toContain(await measureCache(block!))
  })
})

it.skipIf(block === undefined)(
  'an engine trains the same with micro-batches and without, an unfinished batch too',
  async () => {
    const model = buildModel([conv(B), flatten, dense(4)], [1, 12, 12], 4)
    const trained = async (cacheBytes: number) => {
      const learner = await onnxEngine({ device: 'cpu', block: block!, cacheBytes }).open(
        job({ model, dataset: DATASET }),
      )
      try {
        return (await learner.train(initialWeights(model, 1), plan(), () => {})).weights
      } finally {
        await learner.close()
      }
    }
    expect(await trained(16 * widestBytes(model))).toEqual(await trained(0))
  },
)
