import { describe, expect, it } from 'vitest'
import { inferenceGraph } from '../../src/engine/onnx/graph/inference-graph.ts'
import { InferenceSession, Tensor } from '../../src/engine/onnx/session/ort.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { float64Forward, toFloat64 } from '../support/float64-network.ts'
import { largestDifference, noise } from '../support/numbers.ts'
import { openStep } from '../support/one-step.ts'

const normalise = { mean: 0.286, std: 0.353 }

const models: Record<string, Model> = {
  cnn: buildModel(presetLayers('cnn', 10), [1, 28, 28], 10),
  'cnn-small': buildModel(presetLayers('cnn-small', 10), [1, 28, 28], 10),
  mlp: buildModel(presetLayers('mlp', 10), [1, 28, 28], 10),
  'cnn-small-etf': buildModel(presetLayers('cnn-small-etf', 10), [1, 28, 28], 10),
  'every layer': buildModel(
    [
      { type: 'maxpool2d', size: 2 },
      { type: 'conv2d', filters: 5, kernel: 2, padding: 'same' },
      { type: 'relu' },
      { type: 'maxpool2d', size: 3 },
      { type: 'conv2d', filters: 3, kernel: 3, padding: 'valid' },
      { type: 'dropout', rate: 0 },
      { type: 'flatten' },
      { type: 'dense', units: 4 },
    ] satisfies Layer[],
    [3, 23, 25],
    4,
  ),
}

const greys = (model: Model, images: number) =>
  Uint8Array.from(noise(images * sizeOf(model.input), 9), (value) => Math.round(127.5 * (value + 1)))

async function run(session: InferenceSession, model: Model, images: Uint8Array) {
  const count = images.length / sizeOf(model.input)
  const { logits, label } = await session.run({ images: new Tensor('uint8', images, [count, ...model.input]) })
  return { logits: logits!, label: label! }
}

describe.each(Object.entries(models))('the inference graph of %s', (_, model) => {
  const weights = initialWeights(model, 4)
  const bytes = inferenceGraph(model, normalise, weights)

  it('loads anywhere, and takes batches of any size', async () => {
    const session = await InferenceSession.create(bytes)
    expect(session.inputNames).toEqual(['images'])
    expect(session.outputNames).toEqual(['logits', 'label'])
    const seven = await run(session, model, greys(model, 7))
    expect(seven.logits.dims).toEqual([7, model.classes])
    expect(seven.label.dims).toEqual([7])
    const one = await run(session, model, greys(model, 7).slice(0, sizeOf(model.input)))
    expect(one.logits.dims).toEqual([1, model.classes])
    const first = (seven.logits.data as Float32Array).slice(0, model.classes)
    expect(largestDifference(one.logits.data as Float32Array, first)).toBeLessThan(1e-5)
  })

  it('computes what is trained, normalisation included', async () => {
    const images = greys(model, 3)
    const { logits, label } = await run(await InferenceSession.create(bytes), model, images)
    const values = logits.data as Float32Array
    const x = Float32Array.from(images, (grey) => (grey / 255 - normalise.mean) / normalise.std)
    const trained = await (await openStep(model))(x, [0, 1, 2], weights)
    expect(largestDifference(values, trained.logits)).toBeLessThan(1e-5)
    expect(largestDifference(values, float64Forward(model, x, toFloat64(weights)))).toBeLessThan(1e-5)
    const best = Array.from({ length: 3 }, (_, n) => {
      const row = values.slice(n * model.classes, (n + 1) * model.classes)
      return BigInt(row.indexOf(Math.max(...row)))
    })
    expect(Array.from(label.data as BigInt64Array)).toEqual(best)
  })

  it('is made of the weights that were given, and of copies of them', () => {
    const copy = initialWeights(model, 4)
    expect(Buffer.compare(inferenceGraph(model, normalise, copy), bytes)).toBe(0)
    for (const { data } of copy.values()) data.fill(0)
    expect(Buffer.compare(inferenceGraph(model, normalise, weights), bytes)).toBe(0)
  })
})
