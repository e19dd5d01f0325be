import { describe, expect, it } from 'vitest'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model, sizeOf } from '../../src/model/model.ts'
import { type PresetName, presetLayers } from '../../src/model/presets.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { expectFiniteDifferences } from '../support/finite-differences.ts'
import { float64Loss, type Parameters, toFloat64 } from '../support/float64-network.ts'
import { conv, dense, dropout, etf, flatten, pool, relu } from '../support/layers.ts'
import { noise, relativeError } from '../support/numbers.ts'
import { openStep, type Step } from '../support/one-step.ts'
import { tfjsGradients } from '../support/tfjs-network.ts'

const TOLERANCE = 1e-4

interface Case {
  readonly model: Model
  readonly x: Float32Array
  readonly labels: readonly number[]
  readonly weights: Weights
  readonly step: Step
}

/** Images of unequal sides, so that rows and columns cannot be exchanged unnoticed, and a batch of three. */
async function take(layers: readonly Layer[], input: Model['input'] = [2, 7, 8], classes = 3): Promise<Case> {
  const model = buildModel(layers, input, classes)
  const labels = [classes - 1, 0, 1]
  const x = noise(labels.length * sizeOf(input), 5)
  const weights = initialWeights(model, 7)
  return { model, x, labels, weights, step: await (await openStep(model))(x, labels, weights) }
}

/** Against a forward pass that shares no code with it. */
function expectDifferences({ model, x, labels, weights, step }: Case): void {
  const loss = (parameters: Parameters) => float64Loss(model, x, labels, parameters)
  expect(step.loss).toBeCloseTo(loss(toFloat64(weights)), 5)
  expectFiniteDifferences(step.gradients, loss, toFloat64(weights), TOLERANCE)
}

async function expectAutomatic({ model, x, labels, weights, step }: Case): Promise<void> {
  const automatic = await tfjsGradients(model, x, labels, weights)
  expect(step.loss).toBeCloseTo(automatic.loss, 5)
  expect([...step.gradients.keys()]).toEqual([...automatic.gradients.keys()])
  for (const [name, gradient] of automatic.gradients) {
    expect(relativeError(step.gradients.get(name)!, gradient), `${name} against tfjs`).toBeLessThan(TOLERANCE)
  }
}

async function expectGradients(layers: readonly Layer[], input?: Model['input']): Promise<void> {
  const taken = await take(layers, input)
  expectDifferences(taken)
  await expectAutomatic(taken)
}

describe.each([1, 2, 3, 5])('conv2d with a kernel of %i', (kernel) => {
  const behind: Record<string, Layer[]> = {
    nothing: [],
    relu: [relu],
    'relu and a pool of 2': [relu, pool(2)],
    'a pool of 2': [pool(2)],
    'relu and a pool of 3': [relu, pool(3)],
  }
  // Up to 32 weights for each filter the weight gradient goes by im2col, beyond by one long convolution.
  const many = Math.floor(32 / kernel ** 2) + 1
  const cases = (['same', 'valid'] as const).flatMap((padding) =>
    [1, many].flatMap((channels) => Object.keys(behind).map((followed) => [padding, channels, followed] as const)),
  )

  it.each(cases)('%s, %i channels, followed by %s: as the first layer', async (padding, channels, followed) => {
    await expectGradients([conv(2, kernel, padding), ...behind[followed]!, flatten, dense(3)], [channels, 7, 8])
  })

  it.each(cases)('%s, %i channels, followed by %s: behind another', async (padding, channels, followed) => {
    const layers = [conv(channels, 1, 'same'), relu, conv(2, kernel, padding), ...behind[followed]!, flatten, dense(3)]
    await expectGradients(layers)
  })
})

describe('the other layers', () => {
  it.each<[string, Layer[], Model['input']]>([
    ['dense alone', [flatten, dense(3)], [2, 3, 4]],
    ['dense, relu, dense', [flatten, dense(5), relu, dense(3)], [1, 4, 3]],
    ['a pool right behind the input', [pool(2), conv(3, 3, 'same'), relu, flatten, dense(3)], [2, 7, 8]],
    ['a pool of 3 right behind the input', [pool(3), flatten, dense(3)], [2, 7, 8]],
    ['a pool behind a pool', [conv(3, 3, 'same'), relu, pool(2), pool(3), flatten, dense(3)], [1, 13, 14]],
    ['a pool behind dropout', [conv(3, 2, 'valid'), dropout(0), pool(2), flatten, dense(3)], [1, 7, 8]],
    ['two relus', [conv(3, 3, 'same'), relu, relu, pool(2), flatten, dense(3)], [1, 7, 8]],
    ['relu behind the pool', [conv(3, 3, 'same'), pool(2), relu, flatten, dense(3)], [1, 7, 8]],
    [
      'dropout of nothing',
      [conv(2, 3, 'same'), dropout(0), relu, flatten, dropout(0), dense(4), dropout(0), dense(3)],
      [1, 5, 6],
    ],
    ['a pool of the whole image', [conv(4, 3, 'same'), relu, pool(6), flatten, dense(3)], [1, 6, 6]],
    ['a kernel larger than the image', [conv(3, 5, 'same'), relu, pool(2), flatten, dense(3)], [2, 3, 2]],
    ['a kernel as large as the image', [conv(3, 5, 'valid'), relu, flatten, dense(3)], [2, 5, 5]],
    ['an etf behind a linear layer', [flatten, dense(5), relu, dense(4), etf(10)], [1, 4, 3]],
    ['an etf behind relu, its scale small', [flatten, dense(5), relu, etf(0.7)], [1, 4, 3]],
    ['an etf whose scale is fixed', [conv(3, 3, 'same'), relu, pool(2), flatten, dense(3), etf(4, false)], [1, 7, 8]],
    ['convolutions alone', [conv(4, 3, 'valid'), conv(3, 3, 'valid'), flatten, dense(3)], [2, 6, 7]],
  ])('%s', async (_, layers, input) => {
    await expectGradients(layers, input)
  })

  it('an etf alone learns its scale', async () => {
    await expectGradients([relu, flatten, etf(3)], [1, 2, 2])
  })

  it('trains without any parameters but the last layer’s', async () => {
    const { step } = await take([relu, pool(2), flatten, dense(3)], [1, 4, 4])
    expect([...step.gradients.keys()]).toEqual(['dense1.weight', 'dense1.bias'])
  })
})

describe('ties within a pool', () => {
  // Under the kernel (1, 1) the channels (a, b) of a pixel sum to a + b: equally large, but with other gradients.
  const windows: Record<string, [first: number[], second: number[], winner: [number, number]]> = {
    'all four': [
      [0, 1, 1, 1],
      [1, 0, 0, 0],
      [0, 1],
    ],
    'the last three': [
      [0, 1, 0, 0],
      [0, 0, 1, 1],
      [1, 0],
    ],
    'second and fourth': [
      [0, 0, 0, 1],
      [0, 1, 0, 0],
      [0, 1],
    ],
    'third and fourth': [
      [0, 0, 1, 0],
      [0, 0, 0, 1],
      [1, 0],
    ],
  }
  const networks: Record<string, Layer[]> = {
    'fused into the convolution': [conv(1, 1, 'same'), pool(2), flatten, dense(2)],
    'on its own': [conv(1, 1, 'same'), dropout(0), pool(2), flatten, dense(2)],
  }
  const cases = Object.keys(networks).flatMap((network) => Object.keys(windows).map((tied) => [network, tied] as const))

  it.each(cases)('go to the first of the largest: a pool %s, %s tied', async (network, tied) => {
    const [first, second, winner] = windows[tied]!
    const model = buildModel(networks[network]!, [2, 2, 2], 2)
    const weights: Weights = new Map([
      ['conv1.weight', { shape: [1, 2, 1, 1], data: Float32Array.of(1, 1) }],
      ['conv1.bias', { shape: [1], data: Float32Array.of(0) }],
      ['dense1.weight', { shape: [2, 1], data: Float32Array.of(1, -1) }],
      ['dense1.bias', { shape: [2], data: Float32Array.of(0, 0) }],
    ])
    const { gradients } = await (await openStep(model))(Float32Array.of(...first, ...second), [0], weights)
    // The logits are (1, -1): their gradient is (-s, s) with s = 1 / (1 + e²), the pool's is -2 s.
    const slope = -2 / (1 + Math.exp(2))
    const [a, b] = gradients.get('conv1.weight')!
    expect(a).toBeCloseTo(winner[0] * slope, 6)
    expect(b).toBeCloseTo(winner[1] * slope, 6)
    expect(gradients.get('conv1.bias')![0]).toBeCloseTo(slope, 6)
  })
})

describe('the presets', () => {
  it.each<[PresetName, number]>([
    ['cnn', 12],
    ['cnn', 11],
    ['cnn-small', 13],
    ['cnn-small-etf', 13],
    ['mlp', 8],
  ])('%s on images of side %i', async (preset, side) => {
    const taken = await take(presetLayers(preset, 10), [1, side, side], 10)
    expectDifferences(taken)
    await expectAutomatic(taken)
  })
})

describe('cross-entropy', () => {
  it('stays finite for logits far apart', async () => {
    const model = buildModel([flatten, dense(3)], [1, 1, 1], 3)
    const weights: Weights = new Map([
      ['dense1.weight', { shape: [3, 1], data: Float32Array.of(1000, 0, -1000) }],
      ['dense1.bias', { shape: [3], data: new Float32Array(3) }],
    ])
    const { loss, gradients } = await (await openStep(model))(Float32Array.of(1), [2], weights)
    expect(loss).toBe(2000)
    expect(Array.from(gradients.get('dense1.bias')!)).toEqual([1, 0, -1])
  })

  it('is the mean over the batch: an image given twice counts twice', async () => {
    const model = buildModel([flatten, dense(4), relu, dense(3)], [1, 2, 2], 3)
    const weights = initialWeights(model, 1)
    const step = await openStep(model)
    const [a, b] = [noise(4, 1), noise(4, 2)]
    const one = await step(a, [0], weights)
    const other = await step(b, [1], weights)
    const both = await step(Float32Array.of(...a, ...a, ...b), [0, 0, 1], weights)
    expect(both.loss).toBeCloseTo((2 * one.loss + other.loss) / 3, 6)
    for (const [name, gradient] of both.gradients) {
      const mean = gradient.map((_, i) => (2 * one.gradients.get(name)![i]! + other.gradients.get(name)![i]!) / 3)
      expect(relativeError(gradient, mean)).toBeLessThan(1e-6)
    }
  })
})
