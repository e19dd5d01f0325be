import { describe, expect, it } from 'vitest'
import { initialWeights } from '../../src/model/init.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, sizeOf } from '../../src/model/model.ts'
import { presetLayers } from '../../src/model/presets.ts'
import { firstNonFinite, type Weights } from '../../src/weights/weights.ts'
import { bits } from '../support/numbers.ts'

const model = buildModel(presetLayers('cnn-small', 10), [1, 10, 10], 10)
const allBits = (weights: Weights) => [...weights].map(([name, { data }]) => [name, bits(data)] as const)

describe('initial weights', () => {
  const weights = initialWeights(model, 1)

  it('has every parameter, in order and in shape', () => {
    expect([...weights].map(([name, { shape, data }]) => [name, shape, data.length])).toEqual(
      model.parameters.map(({ name, shape }) => [name, shape, sizeOf(shape)]),
    )
  })

  it('is the same for the same seed and owner', () => {
    expect(allBits(initialWeights(model, 1))).toEqual(allBits(weights))
    expect(allBits(initialWeights(model, 1, 0))).toEqual(allBits(weights))
  })

  // A committed result must stay reproducible: these numbers may not change without notice.
  it('is the same as ever', () => {
    expect(Array.from(weights.get('conv1.bias')!.data.slice(0, 3))).toMatchInlineSnapshot(`
      [
        0.09121643751859665,
        -0.17843443155288696,
        -0.3204915523529053,
      ]
    `)
  })

  it.each([
    ['seed', 2, 0],
    ['owner', 1, 1],
  ])('differs in every tensor with another %s', (_, seed, owner) => {
    for (const [name, { data }] of initialWeights(model, seed, owner)) {
      const same = data.filter((value, i) => value === weights.get(name)!.data[i])
      expect(same.length, name).toBeLessThan(Math.max(1, data.length / 1000))
    }
  })

  it('is uniform in ±1/√fan-in', () => {
    for (const { name, fanIn } of model.parameters) {
      const { data } = weights.get(name)!
      const bound = 1 / Math.sqrt(fanIn)
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      expect(largest, name).toBeLessThanOrEqual(Math.fround(bound))
      // Four standard deviations of the mean, and of the mean square, of as many uniform numbers.
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length
      expect(Math.abs(mean), name).toBeLessThan((4 * bound) / Math.sqrt(3 * data.length))
      const square = data.reduce((sum, value) => sum + value * value, 0) / data.length
      const deviation = bound ** 2 * Math.sqrt(4 / 45 / data.length)
      expect(Math.abs(square - bound ** 2 / 3), name).toBeLessThan(4 * deviation)
    }
  })

  it('gives a layer the same values whatever comes behind it', () => {
    const layers: Layer[] = [{ type: 'flatten' }, { type: 'dense', units: 12 }, { type: 'relu' }]
    const short = buildModel([...layers, { type: 'dense', units: 10 }], [1, 8, 8], 10)
    const more: Layer[] = [{ type: 'dense', units: 9 }, { type: 'relu' }, { type: 'dense', units: 10 }]
    const long = buildModel([...layers, { type: 'dropout', rate: 0.5 }, ...more], [1, 8, 8], 10)
    const [a, b] = [initialWeights(short, 5), initialWeights(long, 5)]
    for (const name of ['dense1.weight', 'dense1.bias']) expect(b.get(name)).toEqual(a.get(name))
    expect(b.size).toBe(6)
  })
})

describe('the first value that is not finite', () => {
  const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('is found: %d', (value) => {
    const weights = new Map([
      ['a', tensor(0, 1)],
      ['b', tensor(2, value, Number.NaN)],
      ['c', tensor(Number.NaN)],
    ])
    expect(firstNonFinite(weights)).toEqual({ tensor: 'b', value })
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('is found at every place: %d', (value) => {
    for (let length = 1; length <= 9; length++) {
      for (let at = 0; at < length; at++) {
        const values = new Array(length).fill(1)
        values[at] = value
        const place = `${at} of ${length}`
        expect(firstNonFinite(new Map([['a', tensor(...values)]])), place).toEqual({ tensor: 'a', value })
      }
    }
  })

  it('is found among infinities whose sum is none', () => {
    const both = tensor(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
    expect(firstNonFinite(new Map([['a', both]]))).toEqual({ tensor: 'a', value: Number.POSITIVE_INFINITY })
  })

  it('is none where all is finite, however large', () => {
    expect(firstNonFinite(new Map([['a', tensor(-0, 3.4e38, 1e-45)]]))).toBeUndefined()
    const largest = new Array(1000).fill(3.4028234e38)
    expect(firstNonFinite(new Map([['a', tensor(...largest)]]))).toBeUndefined()
  })
})
