import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { OptimizerSettings } from '../../src/engine/engine.ts'
import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import { evaluationGraph } from '../../src/engine/onnx/graph/evaluation-graph.ts'
import { inferenceGraph } from '../../src/engine/onnx/graph/inference-graph.ts'
import { trainingSteps } from '../../src/engine/onnx/graph/steps.ts'
import { findBlocked } from '../../src/engine/onnx/machine/find-blocked.ts'
import { loadOnnx } from '../../src/engine/onnx/machine/load-onnx.ts'
import { RUNTIME_VERSION } from '../../src/engine/onnx/machine/runtime.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { Tensor } from '../../src/engine/onnx/session/ort.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { VERSION } from '../../src/package.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { B, block, MODELS } from '../support/blocked-models.ts'
import { openTrainer } from '../support/chunk.ts'
import { temporaryFolder } from '../support/folder.ts'
import { someHooks } from '../support/hooks.ts'
import { conv, dense, flatten, pool, relu } from '../support/layers.ts'
import { NORMALISE } from '../support/learner.ts'
import { relativeError } from '../support/numbers.ts'
import { someSteps } from '../support/steps.ts'

const SGD: OptimizerSettings = { kind: 'sgd', momentum: 0, weightDecay: 0 }

/** By both blocked graphs: the one for batches of this size alone, and the one for any. */
async function expectParity(
  model: Model,
  settings: OptimizerSettings,
  batch: number,
  hooks: ObjectiveHooks = {},
): Promise<void> {
  const given = someSteps(model, 20, batch)
  const [standard, ...blocked] = await Promise.all(
    [{}, { blocks: { block: block!, batch } }, { blocks: { block: block! } }].map(async (blocks) => {
      const trainer = await openTrainer(model, NORMALISE, settings, { ...blocks, hooks })
      return await trainer.run(trainer.start(initialWeights(model, 3)), given)
    }),
  )
  for (const { losses, state } of blocked) {
    for (const [i, loss] of standard!.losses.entries()) {
      expect(Math.abs(losses[i]! - loss) / loss, `step ${i + 1}`).toBeLessThan(1e-4)
    }
    for (const [name, values] of Object.entries(standard!.state)) {
      expect(relativeError(state[name]!, values), name).toBeLessThan(1e-5)
    }
  }
}

describe.skipIf(block === undefined)('blocked training is standard training', () => {
  for (const [name, [layers, input]] of Object.entries(MODELS)) {
    it(`of ${name}, step by step`, async () => {
      await expectParity(buildModel(layers, input, 10), SGD, B)
    })
  }

  for (const settings of [
    { kind: 'momentum', momentum: 0.9, weightDecay: 0 },
    { kind: 'momentum', momentum: 0.5, weightDecay: 0.01 },
    { kind: 'adam', momentum: 0, weightDecay: 0 },
  ] as const) {
    it(`with ${settings.kind}, weight decay ${settings.weightDecay}: its state is in the standard order too`, async () => {
      await expectParity(buildModel(presetLayers('cnn', 10), [1, 8, 8], 10), settings, B)
    })
  }

  for (const [name, hooks] of Object.entries(someHooks(buildModel(presetLayers('cnn', 10), [1, 8, 8], 10)))) {
    it(`with ${name}: anchors and shifts are in the standard order too`, async () => {
      const settings = { kind: 'momentum', momentum: 0.5, weightDecay: 0.01 } as const
      await expectParity(buildModel(presetLayers('cnn', 10), [1, 8, 8], 10), settings, B + 1, hooks)
    })
  }

  it.each([1, B - 1, B + 1])('of batches that do not fill their blocks: %i images', async (batch) => {
    await expectParity(buildModel([conv(B), relu, pool(2), conv(B), flatten, dense(10)], [1, 7, 6], 10), SGD, batch)
  })
})

describe.skipIf(block === undefined)('a pool over equal values in the first blocked layer', () => {
  it.each([{ batch: 1 }, {}])('gives the gradient to one of them (%o)', async (size) => {
    const model = buildModel([conv(B, 1), relu, pool(2), flatten, dense(2)], [1, 2, 2], 2)
    const filled = (shape: number[], value: (i: number) => number) => ({
      shape,
      data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
    })
    const weights: Weights = new Map([
      ['conv1.weight', filled([B, 1, 1, 1], () => 1)],
      ['conv1.bias', filled([B], () => 0)],
      ['dense1.weight', filled([2, B], (i) => (i < B ? 1 : -1) / B)],
      ['dense1.bias', filled([2], () => 0)],
    ])
    const trainer = await openTrainer(model, { mean: 0, std: 1 }, SGD, { blocks: { block: block!, ...size } })
    const white = { images: new Uint8Array(4).fill(255), labels: [0], steps: 1, lr: 1, done: 0 }
    const { state } = await trainer.run(trainer.start(weights), white)
    // The logits are (1, -1), and their gradient is (-s, s) with s = 1 / (1 + e²): each filter's is -2 s / B.
    const slope = -2 / (1 + Math.exp(2)) / B
    for (const value of state['conv1.weight']!) expect(value).toBeCloseTo(1 - slope, 6)
    for (const value of state['conv1.bias']!) expect(value).toBeCloseTo(-slope, 6)
  })
})

/** Logits of the model with its weights inside, as model.onnx has it. */
async function inferenceLogits(model: Model, weights: Weights, images: Uint8Array): Promise<Float32Array> {
  const session = await createSession(inferenceGraph(model, NORMALISE, weights))
  const count = images.length / sizeOf(model.input)
  const { logits } = await session.run({ images: new Tensor('uint8', images, [count, ...model.input]) })
  return logits!.data as Float32Array
}

describe.skipIf(block === undefined)('blocked evaluation is that of the inference graph', () => {
  for (const [name, [layers, input]] of Object.entries(MODELS)) {
    it(`of ${name}, for one model after another`, async () => {
      const model = buildModel(layers, input, 10)
      const session = await createSession(evaluationGraph(model, NORMALISE, block!))
      const [steps, batch, pixels] = [3, 5, sizeOf(model.input)]
      const images = Uint8Array.from({ length: steps * batch * pixels }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
      for (const seed of [1, 2]) {
        const weights = initialWeights(model, seed)
        const feeds: Record<string, Tensor> = { images: new Tensor('uint8', images, [steps, batch, pixels]) }
        for (const [name, { shape, data }] of weights) feeds[name] = new Tensor('float32', data, shape)
        const { logits } = await session.run(feeds)
        expect(logits!.dims).toEqual([steps, batch, 10])
        const expected = await inferenceLogits(model, weights, images)
        expect(relativeError(logits!.data as Float32Array, expected), `seed ${seed}`).toBeLessThan(1e-5)
      }
    })
  }
})

describe('the layout of each layer', () => {
  const layouts = (layers: readonly Layer[], input: Model['input'] = [1, 12, 12], size = 16) =>
    trainingSteps(buildModel(layers, input, 10).layers, size).map(
      ({ placed, input, output }) => `${placed.layer.type} ${input} ${output}`,
    )

  it('is blocked as far as the channels fit', () => {
    expect(layouts([conv(16), relu, pool(2), conv(32), relu, flatten, dense(10)])).toEqual([
      'conv2d standard blocked',
      'conv2d blocked blocked',
      'flatten blocked blocked',
      'dense blocked standard',
    ])
  })

  it('is standard for what does not fit, and only there', () => {
    expect(layouts([conv(16), conv(20), relu, conv(16), conv(16), flatten, relu, dense(10)])).toEqual([
      'conv2d standard blocked',
      'conv2d standard standard',
      'conv2d standard standard',
      'conv2d blocked blocked',
      'flatten standard standard',
      'relu standard standard',
      'dense standard standard',
    ])
  })

  it('is standard everywhere without blocks', () => {
    const steps = trainingSteps(buildModel(presetLayers('cnn', 10), [1, 28, 28], 10).layers)
    expect(steps.filter(({ input, output }) => input === 'blocked' || output === 'blocked')).toEqual([])
  })
})

describe('finding the blocked convolutions', () => {
  const cache = () => join(temporaryFolder(), 'a', 'blocked.json')

  it('checks once, and remembers the outcome', async () => {
    const file = cache()
    let checks = 0
    const check = async () => {
      checks += 1
      return undefined
    }
    const means = { cache: file, probe: async () => 8, check, measure: async () => 0 }
    expect(await findBlocked(means)).toEqual({ block: 8, cacheBytes: 0 })
    expect(await findBlocked(means)).toEqual({ block: 8, cacheBytes: 0 })
    expect(checks).toBe(1)
    // Another processor, or another version.
    expect(await findBlocked({ ...means, key: 'another', probe: async () => 16 })).toEqual({ block: 16, cacheBytes: 0 })
    expect(checks).toBe(2)
    const [here, another, ...rest] = Object.entries(JSON.parse(readFileSync(file, 'utf8')))
    expect(here).toEqual([
      expect.stringContaining(`${VERSION} ${RUNTIME_VERSION} ${process.arch}`),
      { block: 8, cacheBytes: 0 },
    ])
    expect([another, rest]).toEqual([['another', { block: 16, cacheBytes: 0 }], []])
  })

  it('remembers a failed check too', async () => {
    const file = cache()
    const wrong = { cache: file, probe: async () => 8, check: async () => 'another gradient' }
    expect(await findBlocked(wrong)).toEqual({ why: 'another gradient' })
    expect(await findBlocked({ ...wrong, check: async () => undefined })).toEqual({ why: 'another gradient' })
  })

  it('goes without where there are none, where the runtime refuses them, and where the cache is broken', async () => {
    expect(await findBlocked({ cache: cache(), probe: async () => undefined })).toEqual({
      why: 'this processor has no blocked convolutions',
    })
    const boom = () => Promise.reject(new Error('ReorderInput is not a registered function'))
    expect(await findBlocked({ cache: cache(), probe: boom })).toEqual({
      why: 'the runtime refuses blocked convolutions: ReorderInput is not a registered function',
    })
    const file = join(temporaryFolder(), 'blocked.json')
    const measure = async () => 0
    const fine = { cache: file, key: 'here', probe: async () => 8, check: async () => undefined, measure }
    const torn = ['{ torn', '[]', 'null', '{"here":"8"}', '{"here":{}}']
    for (const broken of [...torn, '{"here":{"block":"8","cacheBytes":0}}', '{"here":{"block":8}}']) {
      writeFileSync(file, broken)
      expect(await findBlocked(fine)).toEqual({ block: 8, cacheBytes: 0 })
    }
    expect(await findBlocked({ ...fine, cache: join('/dev/null', 'blocked.json') })).toEqual({
      block: 8,
      cacheBytes: 0,
    })
  })

  it.skipIf(block === undefined)('sees that a block of another size computes something else', async () => {
    expect(await findBlocked({ cache: cache(), probe: async () => 2 * B })).toEqual({
      why: expect.stringMatching(/^blocked convolutions compute another \S+ here/),
    })
  })

  it.skipIf(block === undefined)('passes its own check on this machine', async () => {
    expect(await findBlocked({ cache: cache() })).toEqual({ block, cacheBytes: expect.any(Number) })
    expect((await loadOnnx('cpu', 'auto')).version).toMatch(new RegExp(`, blocks of ${block} channels$`))
    expect((await loadOnnx('cpu', 'standard')).version).not.toContain('blocks')
  })
})
