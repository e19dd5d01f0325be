import { describe, expect, it } from 'vitest'
import { inputOfOne } from '../../src/audit/inversion/closed-form.ts'
import { featureMap } from '../../src/audit/inversion/feature-map.ts'
import { greysOf } from '../../src/audit/inversion/greys.ts'
import { imageOfFeatures, inputsOfGreys } from '../../src/audit/inversion/image-of-features.ts'
import { meanError } from '../../src/audit/inversion/likeness.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { objectSource } from '../../src/config/source.ts'
import { initialWeights } from '../../src/model/init.ts'
import { LayerSchema } from '../../src/model/layers.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import { float64Forward, toFloat64 } from '../support/float64-network.ts'
import { DATASET, NORMALISE, open, plan } from '../support/learner.ts'
import { noise, relativeError } from '../support/numbers.ts'
import { range } from '../support/synthetic.ts'

const relu = { type: 'relu' }
const modelOf = (layers: readonly object[], shape: readonly number[]) =>
  buildModel([...layers, { type: 'flatten' }, { type: 'dense', units: 4 }].map((layer) => LayerSchema.parse(layer)), shape, 4) // biome-ignore format: one line

/** The layers in front of the last one. */
const front = ({ layers }: Model) => layers.slice(0, -1)

describe.each([
  ['one channel, zeros around', [{ type: 'conv2d', filters: 3, kernel: 3 }, relu, { type: 'maxpool2d' }], [1, 8, 8]],
  ['no zeros around', [{ type: 'conv2d', filters: 3, kernel: 3, padding: 'valid' }, relu], [2, 7, 6]],
  [
    'a kernel of even size',
    [
      { type: 'conv2d', filters: 2, kernel: 4 },
      { type: 'maxpool2d', size: 3 },
    ],
    [1, 8, 7],
  ],
  ['two convolutions', [{ type: 'conv2d', filters: 3, kernel: 3 }, relu, { type: 'maxpool2d' }, { type: 'conv2d', filters: 4, kernel: 3 }, relu], [2, 7, 7]], // biome-ignore format: one line
] as const)('layers of images: %s', (_, layers, shape) => {
  const model = modelOf(layers, shape)
  const weights = initialWeights(model, 3)
  const map = featureMap(front(model), weights)
  const x = Float64Array.from(noise(sizeOf(shape), 1))
  const count = sizeOf(front(model).at(-1)!.output)

  it('make the features that the model has there', () => {
    const cut = { ...model, layers: front(model), classes: count }
    expect(relativeError(map.features(x), float64Forward(cut, x, toFloat64(weights)))).toBeLessThan(1e-12)
  })

  it('lead back to the image as differences of it say', () => {
    const along = Float64Array.from(noise(count, 2))
    const value = (image: Float64Array) => map.features(image).reduce((sum, feature, i) => sum + feature * along[i]!, 0)
    const slopes = Float64Array.from(x, (_, at) => {
      const moved = (by: number) => value(x.map((pixel, i) => (i === at ? pixel + by : pixel)))
      return (moved(1e-6) - moved(-1e-6)) / 2e-6
    })
    map.features(x)
    expect(relativeError(map.back(along), slopes)).toBeLessThan(1e-6)
  })
})

it('other layers are none of images', () => {
  const model = modelOf([relu], [1, 4, 4])
  expect(() => featureMap(model.layers, initialWeights(model, 1))).toThrow('dense is no layer of images')
})

describe('the image of a step behind a convolution', () => {
  const model = modelOf([{ type: 'conv2d', filters: 32, kernel: 3 }, relu, { type: 'maxpool2d' }], [1, 12, 12])
  const experiment = resolveExperiment([objectSource({ normalise: NORMALISE })])
  const greys = greysOf({ dataset: DATASET, experiment })
  const from = greys.mean([...range(0, 100)])
  const map = featureMap(front(model), initialWeights(model, 1))
  const real = greys.image(7)

  it('comes back from what an engine made of it', async () => {
    const learner = await open({ model, optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } })
    const received = initialWeights(model, 1)
    const one = plan({ train: Uint32Array.of(7), epochs: 1, batch: 1, evaluate: false })
    const { weights } = await learner.train(received, one, () => {})
    const of = (name: string) => weights.get(name)!.data.map((value, i) => value - received.get(name)!.data[i]!)
    const features = inputOfOne({ rows: of('dense1.weight'), bias: of('dense1.bias') })!
    expect(relativeError(features, map.features(inputsOfGreys(real, NORMALISE)))).toBeLessThan(1e-4)
    const found = await imageOfFeatures(map, features, { from, normalise: NORMALISE, iterations: 300 })
    expect(meanError(from, real)).toBeGreaterThan(0.05)
    expect(meanError(found, real)).toBeLessThan(0.01)
  })

  it('is given up where somebody wants to stop', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    const features = map.features(inputsOfGreys(real, NORMALISE))
    const search = imageOfFeatures(map, features, { from, normalise: NORMALISE, iterations: 1e5, signal })
    await expect(search).rejects.toThrow('stopped')
  })
})
