import { describe, expect, it } from 'vitest'
import { gather } from '../../src/engine/training/gather.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { slopes } from '../support/finite-differences.ts'
import { crossEntropies, float64Forward, toFloat64 } from '../support/float64-network.ts'
import { DATASET, job, NORMALISE, open, rejection } from '../support/learner.ts'
import { relativeError } from '../support/numbers.ts'
import { openStep } from '../support/one-step.ts'
import { range } from '../support/synthetic.ts'
import { openTfjs } from '../support/tfjs-learner.ts'

const INPUT = [1, 12, 12]
const CLASSES = [0, 1, 2, 3]

/** Every type of layer, pools beside and apart from their convolution, and convolutions with and without one before. */
const LAYERS: Layer[] = [
  { type: 'conv2d', filters: 3, kernel: 3, padding: 'same' },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'conv2d', filters: 4, kernel: 2, padding: 'same' },
  { type: 'relu' },
  { type: 'conv2d', filters: 5, kernel: 3, padding: 'valid' },
  { type: 'maxpool2d', size: 2 },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'flatten' },
  { type: 'dropout', rate: 0.5 },
  { type: 'dense', units: 6 },
  { type: 'relu' },
  { type: 'dense', units: 4 },
]
const MODEL = buildModel(LAYERS, INPUT, 4)
const INDICES = Uint32Array.of(3, 21, 60, 111, 222)

/** Weights that make unequal probabilities. */
const weightsOf = (model: Model): Weights =>
  new Map(
    [...initialWeights(model, 3)].map(([name, { shape, data }]) => [name, { shape, data: data.map((w) => 2 * w) }]),
  )
const start = weightsOf(MODEL)

/** [images, values] as they are behind the normalisation, and labels. */
function seen(indices: Uint32Array) {
  const { images, labels } = gather(DATASET, indices)
  const { mean, std } = NORMALISE
  return { x: Float32Array.from(images, (value) => (value / 255 - mean) / std), labels: [...labels] }
}

const learners = async (model: Model) => [await open({ model }), await openTfjs({ model })]

/** The sum of losses' squared gradients by each image of its own, as the training step makes them. */
async function bySingleSteps(layers: readonly Layer[], start: Weights, labelled: boolean) {
  const step = await openStep(
    buildModel(
      layers.filter(({ type }) => type !== 'dropout'),
      INPUT,
      4,
    ),
  )
  const { x, labels } = seen(INDICES)
  const sums = new Map([...start].map(([name, { data }]) => [name, new Float64Array(data.length)]))
  for (const [i, label] of labels.entries()) {
    for (const c of labelled ? [label] : CLASSES) {
      const { loss, gradients } = await step(x.slice(i * 144, (i + 1) * 144), [c], start)
      const probability = labelled ? 1 : Math.exp(-loss)
      for (const [name, gradient] of gradients) {
        for (const [k, value] of gradient.entries()) sums.get(name)![k]! += probability * value ** 2
      }
    }
  }
  return sums
}

describe('the Fisher information', () => {
  const etf: Layer[] = [...LAYERS.slice(0, -1), { type: 'etf', scale: 6, learn: true }]
  it.each([
    ['fisher', 'dense', LAYERS],
    ['empirical-fisher', 'dense', LAYERS],
    ['fisher', 'etf', etf],
    ['empirical-fisher', 'etf', etf],
  ] as const)(
    '%s, last layer %s: the mean over single images of what their own steps give, in both engines',
    async (statistic, _, layers) => {
      const model = buildModel([...layers], INPUT, 4)
      const start = weightsOf(model)
      const sums = await bySingleSteps(layers, start, statistic === 'empirical-fisher')
      for (const learner of await learners(model)) {
        const measured = await learner.measure(start, INDICES, statistic)
        expect([...measured].map(([name, { shape }]) => [name, shape])).toEqual(
          [...start].map(([name, { shape }]) => [name, shape]),
        )
        for (const [name, { data }] of measured) {
          const expected = sums.get(name)!.map((sum) => sum / INDICES.length)
          expect(relativeError(data, expected), name).toBeLessThan(1e-5)
        }
      }
    },
  )

  it('is Σ_c p_c (∂ log p_c / ∂w)² by finite differences', async () => {
    const { x } = seen(INDICES)
    const [learner] = await learners(MODEL)
    const measured = await learner!.measure(start, INDICES, 'fisher')
    const parameters = toFloat64(start)
    for (const name of ['conv1.weight', 'conv2.bias', 'dense1.bias', 'dense2.weight']) {
      const expected = new Float64Array(measured.get(name)!.data.length)
      for (const i of INDICES.keys()) {
        const image = x.slice(i * 144, (i + 1) * 144)
        for (const c of CLASSES) {
          const loss = (given: typeof parameters) => crossEntropies(float64Forward(MODEL, image, given), [c])[0]!
          const share = Math.exp(-loss(parameters)) / INDICES.length
          for (const [k, slope] of slopes(loss, parameters, name).entries()) expected[k]! += share * slope ** 2
        }
      }
      expect(relativeError(measured.get(name)!.data, expected), name).toBeLessThan(1e-4)
    }
  })

  it('is not the square of the mean gradient', async () => {
    const [learner] = await learners(MODEL)
    const one = async (i: number) =>
      (await learner!.measure(start, INDICES.slice(i, i + 1), 'empirical-fisher')).get('dense2.bias')!
    const two = (await learner!.measure(start, INDICES.slice(0, 2), 'empirical-fisher')).get('dense2.bias')!
    const [first, second] = [await one(0), await one(1)]
    for (const [i, value] of two.data.entries()) expect(value).toBeCloseTo((first.data[i]! + second.data[i]!) / 2, 6)
  })
})

describe('Gram matrices', () => {
  it('are those of the inputs of each dense layer, in both engines', async () => {
    const { x, labels } = seen(INDICES)
    const before = (count: number) => {
      const layers = MODEL.layers.slice(0, count)
      const last = layers.at(-1)!
      return { ...MODEL, layers, classes: last.output[0]! }
    }
    const expectedOf = (inputs: Float64Array) => {
      const size = inputs.length / labels.length
      const sums: number[] = []
      for (let i = 0; i < size; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = 0
          for (const n of labels.keys()) sum += inputs[n * size + i]! * inputs[n * size + j]!
          sums.push(sum)
        }
      }
      return sums
    }
    for (const learner of await learners(MODEL)) {
      const grams = await learner.measure(start, INDICES, 'grams')
      expect([...grams.keys()]).toEqual(['dense1.weight', 'dense2.weight'])
      for (const [name, count] of [
        ['dense1.weight', 11],
        ['dense2.weight', 13],
      ] as const) {
        const expected = expectedOf(float64Forward(before(count), x, toFloat64(start)))
        const { shape, data } = grams.get(name)!
        expect(shape).toEqual([expected.length])
        expect(relativeError(data, expected), name).toBeLessThan(1e-5)
      }
    }
  })
})

it('statistics of a model without convolutions, and of more images than a batch, are the same in both engines', async () => {
  const model = buildModel([{ type: 'flatten' }, { type: 'dense', units: 4 }], INPUT, 4)
  const weights = weightsOf(model)
  for (const statistic of ['grams', 'empirical-fisher'] as const) {
    const [onnx, tfjs] = await Promise.all(
      (await learners(model)).map((learner) => learner.measure(weights, range(0, 500), statistic)),
    )
    for (const [name, { data }] of onnx!) expect(relativeError(data, tfjs!.get(name)!.data), name).toBeLessThan(1e-5)
  }
})

it('two threads measure what one does, bit for bit, and none does once it is cancelled', async () => {
  const controller = new AbortController()
  const { model } = job()
  const weights = initialWeights(model, 1)
  const [one, two] = [await open(), await open({ workers: 2, signal: controller.signal })]
  for (const statistic of ['grams', 'fisher', 'empirical-fisher'] as const) {
    const [expected, ...same] = await Promise.all(
      [one, two, two].map((by) => by.measure(weights, range(0, 300), statistic)),
    )
    for (const measured of same) expect(measured).toEqual(expected)
  }
  controller.abort(new Error('enough'))
  expect(await rejection(two.measure(weights, range(0, 300), 'fisher'))).toMatchObject({ message: 'enough' })
})
