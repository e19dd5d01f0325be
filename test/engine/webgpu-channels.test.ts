import { describe, expect, it } from 'vitest'
import type { Evaluation } from '../../src/engine/engine.ts'
import { missingChannels } from '../../src/engine/onnx/graph/layers/fill-channels.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { open, plan } from '../support/learner.ts'
import { relativeError } from '../support/numbers.ts'
import { useSwiftShader } from '../support/swiftshader.ts'
import { range } from '../support/synthetic.ts'

const there = useSwiftShader()

const conv = (filters: number, kernel = 3): Layer => ({ type: 'conv2d', filters, kernel, padding: 'same' })
const relu: Layer = { type: 'relu' }
const pool: Layer = { type: 'maxpool2d', size: 2 }
const model = (...layers: Layer[]): Model =>
  buildModel([...layers, { type: 'flatten' }, { type: 'dense', units: 4 }], [1, 12, 12], 4)

/** So many images of each owner, in batches of so many. */
type Epoch = readonly [images: number, batch: number]
type Outcome = readonly [weights: Weights, scored: Evaluation]

/** On a device: the weights after each of the epochs, all from the same start, and what they make of other images. */
async function outcomes(model: Model, epochs: readonly Epoch[], device: 'cpu' | 'webgpu'): Promise<Outcome[]> {
  const learner = await open({ model, optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } }, { device })
  const found: Outcome[] = []
  for (const [images, batch] of epochs) {
    const given = plan({ train: range(0, images), test: range(400, 400 + batch), batch, epochs: 1, lr: 0.1 })
    const { weights, local } = await learner.train(initialWeights(model, 1), given, () => {})
    found.push([weights, local!])
  }
  return found
}

async function expectTheSame(model: Model, epochs: readonly Epoch[]): Promise<void> {
  const [cpu, gpu] = [await outcomes(model, epochs, 'cpu'), await outcomes(model, epochs, 'webgpu')]
  for (const [i, [weights, scored]] of cpu.entries()) {
    const [onGpu, gpuScored] = gpu[i]!
    const name = `${epochs[i]![0]} images in batches of ${epochs[i]![1]}`
    for (const [parameter, { data }] of weights) {
      expect(relativeError(onGpu.get(parameter)!.data, data), `${parameter}, ${name}`).toBeLessThan(1e-5)
    }
    expect(gpuScored.confusion, name).toEqual(scored.confusion)
    expect(Math.abs(gpuScored.lossSum - scored.lossSum) / scored.lossSum, name).toBeLessThan(1e-4)
  }
}

describe.skipIf(!there)('WebGPU trains and evaluates as the CPU does', { timeout: 180_000 }, () => {
  const twoConvolutions = model(conv(4), relu, pool, conv(8), relu, pool)

  it('in batches of any size', async () => {
    const sizes = [...range(1, 17), 18, 21, 33, 48, 63, 64]
    await expectTheSame(
      twoConvolutions,
      sizes.map((size) => [size, size]),
    )
  })

  it('with whatever is left for the last batch', async () => {
    const lefts = [...range(1, 24)]
    await expectTheSame(
      twoConvolutions,
      lefts.map((left) => [24 + left, 24]),
    )
  })

  // The filters are channels on the way to the third convolution and, of the gradient, on the way back to the first.
  it.each([
    ...[1, 3, 5, 6, 9, 12, 30].map((filters) => [filters, 3] as const),
    ...[6, 9, 30].map((filters) => [filters, 1] as const),
  ])('with %i filters before a kernel of %i', async (filters, kernel) => {
    await expectTheSame(model(conv(4), conv(filters), relu, pool, conv(4, kernel), relu, pool), [[8, 8]])
  })
})

describe('channels for WebGPU', () => {
  it('are filled up to a multiple of 4 where they would be read in threes', () => {
    const filled = [...range(1, 71)].filter((channels) => missingChannels(channels) > 0)
    expect(filled).toEqual([6, 9, 15, 18, 21, 27, 30, 33, 39, 42, 45, 51, 54, 57, 63, 66, 69])
    for (const channels of filled) expect((channels + missingChannels(channels)) % 4).toBe(0)
  })
})
