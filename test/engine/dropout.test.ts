import { beforeAll, describe, expect, it } from 'vitest'
import { Graph } from '../../src/engine/onnx/graph/graph.ts'
import { inferenceGraph } from '../../src/engine/onnx/graph/inference-graph.ts'
import { dropout } from '../../src/engine/onnx/graph/layers/dropout.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { InferenceSession, Tensor } from '../../src/engine/onnx/session/ort.ts'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type PlacedLayer } from '../../src/model/model.ts'
import { noise } from '../support/numbers.ts'

const WIDTH = 1000
const IMAGES = 40
const VALUES = IMAGES * WIDTH

type Dropout = PlacedLayer<Extract<Layer, { type: 'dropout' }>>
type Masked = (x: Float32Array, key: number) => Promise<{ out: Float32Array; dIn: Float32Array }>

/** The layer alone, with the gradient of its output all ones. */
async function open(rate: number, position = 0): Promise<Masked> {
  const shape = [WIDTH]
  const placed: Dropout = {
    name: 'drop1',
    layer: { type: 'dropout', rate },
    input: shape,
    output: shape,
    parameters: [],
  }
  const g = new Graph('dropout')
  g.input('x', 'float32', ['N', WIDTH])
  g.input('dOut', 'float32', ['N', WIDTH])
  g.input('key', 'uint32', [])
  const pass = dropout(g, placed, position, 'x', 'key')
  g.op('Identity', [pass.out], {}, ['out'])
  g.op('Identity', [pass.backward('dOut', true).dIn!], {}, ['dIn'])
  g.output('out', 'float32', ['N', WIDTH])
  g.output('dIn', 'float32', ['N', WIDTH])
  const session = await createSession(g.model(18, 10))
  return async (x, key) => {
    const result = await session.run({
      x: new Tensor('float32', x, [x.length / WIDTH, WIDTH]),
      dOut: new Tensor('float32', new Float32Array(x.length).fill(1), [x.length / WIDTH, WIDTH]),
      key: new Tensor('uint32', Uint32Array.of(key), []),
    })
    return { out: result.out!.data as Float32Array, dIn: result.dIn!.data as Float32Array }
  }
}

const ones = new Float32Array(VALUES).fill(1)
const maskOf = async (masked: Masked, key: number) => (await masked(ones, key)).out

/** Pearson's correlation of two masks; for independent ones its standard deviation is 1 / √values, here 0.005. */
function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb)
    aa += (a[i]! - ma) ** 2
    bb += (b[i]! - mb) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}
const UNCORRELATED = 4 / Math.sqrt(VALUES)

describe('dropout', () => {
  let half: Masked
  beforeAll(async () => {
    half = await open(0.5)
  })

  it.each([0, 0.1, 0.25, 0.5, 0.9])('keeps a share of 1 - %d and scales it to the same sum', async (rate) => {
    const mask = await maskOf(await open(rate), 12_345)
    const kept = mask.filter((value) => value !== 0)
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - rate))]))
    const deviation = Math.sqrt((rate * (1 - rate)) / VALUES)
    expect(Math.abs(kept.length / VALUES - (1 - rate))).toBeLessThanOrEqual(4 * deviation)
  })

  it('keeps the same share at every position of the image and in every image', async () => {
    const masks = await Promise.all(Array.from({ length: 20 }, (_, i) => maskOf(half, 1000 + i)))
    const share = (of: (i: number) => number, group: number) => {
      let kept = 0
      let all = 0
      for (const mask of masks) {
        for (let i = 0; i < VALUES; i++) {
          if (of(i) !== group) continue
          all += 1
          if (mask[i] !== 0) kept += 1
        }
      }
      return Math.abs(kept / all - 0.5) * 2 * Math.sqrt(all)
    }
    // Standard deviations off; 40 images and 40 columns make 80 draws.
    for (let group = 0; group < 40; group++) {
      expect(
        share((i) => Math.floor(i / WIDTH), group),
        `image ${group}`,
      ).toBeLessThan(4.5)
      expect(
        share((i) => i % 40, group),
        `column ${group}`,
      ).toBeLessThan(4.5)
    }
  })

  it('has the same mask for the same key, whatever the values are', async () => {
    const x = noise(VALUES, 1)
    const { out } = await half(x, 7)
    const mask = await maskOf(half, 7)
    expect(out).toEqual(x.map((value, i) => value * mask[i]!))
  })

  it('gives an image the same mask whatever follows it in the batch', async () => {
    const { out } = await half(ones.slice(0, 3 * WIDTH), 7)
    expect(out).toEqual((await maskOf(half, 7)).slice(0, 3 * WIDTH))
  })

  it.each([
    [0, 1],
    [1, 2],
    [7, 8],
    [255, 256],
    [0, 0x80000000],
    [0x7fffffff, 0x80000000],
    [0xfffffffe, 0xffffffff],
    [123_456_789, 987_654_321],
  ])('has uncorrelated masks for the keys %i and %i', async (a, b) => {
    expect(Math.abs(correlation(await maskOf(half, a), await maskOf(half, b)))).toBeLessThan(UNCORRELATED)
  })

  it('has uncorrelated masks for layers at other positions', async () => {
    const masks = await Promise.all([0, 1, 2, 7].map(async (position) => maskOf(await open(0.5, position), 7)))
    for (const [i, a] of masks.entries()) {
      for (const b of masks.slice(i + 1)) expect(Math.abs(correlation(a, b))).toBeLessThan(UNCORRELATED)
    }
  })

  it.each([1, 2, 40, WIDTH])('has uncorrelated values at a distance of %i', async (distance) => {
    const mask = await maskOf(half, 7)
    const against = correlation(mask.subarray(distance), mask.subarray(0, VALUES - distance))
    expect(Math.abs(against)).toBeLessThan(UNCORRELATED)
  })

  it('sends the gradient back through the same mask', async () => {
    const { dIn } = await half(noise(VALUES, 2), 99)
    expect(dIn).toEqual(await maskOf(half, 99))
  })

  it('is not there in evaluation', async () => {
    const plain: Layer[] = [
      { type: 'flatten' },
      { type: 'dense', units: 5 },
      { type: 'relu' },
      { type: 'dense', units: 3 },
    ]
    const dropped = plain.flatMap((layer): Layer[] => [layer, { type: 'dropout', rate: 0.5 }]).slice(0, -1)
    const normalise = { mean: 0.5, std: 0.5 }
    const images = Uint8Array.from(noise(2 * 16, 3), (value) => (value + 1) * 127)
    const logits = await Promise.all(
      [plain, dropped].map(async (layers) => {
        const model = buildModel(layers, [1, 4, 4], 3)
        const session = await InferenceSession.create(inferenceGraph(model, normalise, initialWeights(model, 1)))
        return (await session.run({ images: new Tensor('uint8', images, [2, 1, 4, 4]) })).logits!.data
      }),
    )
    expect(logits[1]).toEqual(logits[0])
  })
})
