import { describe, expect, it } from 'vitest'
import { advice } from '../../src/explain/advice.ts'
import { confused } from '../../src/explain/confused.ts'
import { between, limitedTo } from '../../src/explain/limited.ts'
import { opposition } from '../../src/explain/opposition.ts'
import type { Weights } from '../../src/weights/weights.ts'

const weights = (tensors: Record<string, readonly number[]>): Weights =>
  new Map(Object.entries(tensors).map(([name, values]) => [name, { shape: [values.length], data: Float32Array.from(values) }])) // biome-ignore format: one line

describe('how the owners pull apart', () => {
  it('is measured layer by layer, weight and bias together, and over all', () => {
    // Ways [1, 0] and [0, 1] in layer a, 2 and -1 in layer b.
    const received = weights({ 'a.weight': [5], 'a.bias': [1], 'b.weight': [0] })
    const owners = [
      weights({ 'a.weight': [6], 'a.bias': [1], 'b.weight': [2] }),
      weights({ 'a.weight': [5], 'a.bias': [2], 'b.weight': [-1] }),
    ]
    const { layers, step } = opposition(received, owners)
    expect(layers.map(({ layer }) => layer)).toEqual(['a', 'b', 'all layers'])
    const [a, b, whole] = layers
    expect(a).toMatchObject({ cosine: 0, cancelled: 0 })
    expect(a!.kept).toBeCloseTo(Math.SQRT2 / 2, 12)
    // |2 - 1| of 2 + 1 is left.
    expect(b).toMatchObject({ cosine: -1, cancelled: expect.closeTo(2 / 3, 12), kept: expect.closeTo(1 / 3, 12) })
    // [1, 0, 2] and [0, 1, -1]: -2 / (√5 √2).
    expect(whole!.cosine).toBeCloseTo(-2 / Math.sqrt(10), 12)
    expect(whole!.cancelled).toBeCloseTo(1 - 3 / 5, 12)
    // Their sum is [1, 1, 1]: (5 + 2) / (4 (3 / 4 + 0.001)).
    expect(step).toBeCloseTo(7 / (4 * 0.751), 12)
  })

  it('is half a step if all go one way', () => {
    const { layers, step } = opposition(weights({ 'a.w': [0, 0] }), [
      weights({ 'a.w': [30, 40] }),
      weights({ 'a.w': [30, 40] }),
    ])
    expect(layers[0]).toMatchObject({ cosine: expect.closeTo(1, 12), cancelled: 0, kept: expect.closeTo(1, 12) })
    expect(step).toBeCloseTo(0.5, 6)
  })

  it('is nothing if nobody moves', () => {
    const still = weights({ 'a.w': [1] })
    expect(opposition(still, [still, still])).toMatchObject({
      step: 0,
      layers: [{ cosine: 0, cancelled: 0, kept: 1 }, {}],
    })
  })
})

describe('classes that are taken for each other', () => {
  it('are told with who holds them, most errors first', () => {
    const matrix = Uint32Array.of(8, 1, 3, 0, 9, 1, 2, 0, 8)
    const shards = [
      { owner: 1, train_labels: [10, 10, 0] },
      { owner: 2, train_labels: [0, 5, 10] },
    ]
    expect(confused(matrix, shards)).toEqual({
      pairs: [
        { classes: [0, 2], errors: 5, owners: [[1], [2]], apart: true },
        { classes: [0, 1], errors: 1, owners: [[1], [1, 2]], apart: false },
        { classes: [1, 2], errors: 1, owners: [[1, 2], [2]], apart: false },
      ],
      errors: 7,
      apart: 5,
      pairsInAll: 3,
      pairsApart: 1,
    })
  })
})

describe('a model that chooses among some classes', () => {
  it('has the logits of those as they were, and of the others none that wins', () => {
    const model: Weights = new Map([
      ['dense1.weight', { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['dense1.bias', { shape: [3], data: Float32Array.of(7, 8, 9) }],
    ])
    const limited = limitedTo(model, 'dense1', [0, 2])
    expect([...limited.get('dense1.weight')!.data]).toEqual([1, 2, 0, 0, 5, 6])
    expect([...limited.get('dense1.bias')!.data]).toEqual([7, Math.fround(-1e30), 9])
    expect([...model.get('dense1.bias')!.data]).toEqual([7, 8, 9])
  })
})

it('the line between two models is straight', () => {
  const point = between(weights({ w: [0, 4] }), weights({ w: [10, 0] }), 0.25)
  expect([...point.get('w')!.data]).toEqual([2.5, 3])
})

describe('what the numbers point to', () => {
  const losses = { unified: 0.8, limited: 0.8, refitted: 0.8, onMap: 0.8, pooled: undefined }
  const nothing = { pairs: [], errors: 0, apart: 0, pairsInAll: 45, pairsApart: 25 }
  it('is a fitted head if it gains, with random features if the dense layers lose more', () => {
    const lines = advice({ ...losses, refitted: 0.81, onMap: 0.84, pooled: 0.86 }, nothing, undefined)
    expect(lines).toEqual([
      'the dense layers lose 3.00 points more of what they are given: try --head ridge:random=1000',
      'the last layer loses 1.00 points of what its features can tell: try --head ridge',
      '2.00 points to the pooled model are left in the features themselves',
    ])
  })
  it('is another objective if the owners pull apart', () => {
    const ways = opposition(weights({ 'a.w': [0, 0] }), [weights({ 'a.w': [30, 1] }), weights({ 'a.w': [-30, 1] })])
    expect(advice(losses, nothing, ways)[0]).toMatch(/^the owners pull apart \(cosine -1\.00, FedExP's step 450\.05\): try --objective scaffold/) // biome-ignore format: one line
  })
  it('is nothing if nothing stands out', () => {
    expect(advice(losses, nothing, undefined)).toEqual(['nothing stands out: more rounds, or other settings, come before another method']) // biome-ignore format: one line
  })
})
