import { expect, it } from 'vitest'
import { featureModel, randomUnits, widened, widenedWeights } from '../../src/model/features.ts'
import { initialWeights } from '../../src/model/init.ts'
import { modelOf } from '../../src/model/presets.ts'

const cnn = modelOf('cnn', [1, 28, 28], 10)

it('a wider model has the own units first, and sums by Gaussian numbers behind them', () => {
  const wide = widened(cnn, 1000)
  const own = initialWeights(cnn, 0)
  const last = { weight: new Float32Array(10 * 1128).fill(2), bias: new Float32Array(10).fill(3) }
  const weights = widenedWeights(cnn, wide, own, randomUnits(cnn, wide, 7), last)
  expect([...weights].map(([name, { shape }]) => [name, ...shape])).toEqual(
    wide.parameters.map(({ name, shape }) => [name, ...shape]),
  )
  const dense = weights.get('dense1.weight')!.data
  expect(dense.subarray(0, 128 * 3136)).toEqual(own.get('dense1.weight')!.data)
  const random = dense.subarray(128 * 3136)
  const mean = random.reduce((sum, value) => sum + value, 0) / random.length
  const square = random.reduce((sum, value) => sum + value ** 2, 0) / random.length
  expect(mean).toBeCloseTo(0, 4)
  expect(square * 3136).toBeCloseTo(1, 2)
  expect(
    weights
      .get('dense1.bias')!
      .data.subarray(128)
      .every((value) => value === 0),
  ).toBe(true)
  expect(weights.get('dense2.weight')!.data).toBe(last.weight)
  expect(weights.get('conv1.weight')!.data).toBe(own.get('conv1.weight')!.data)
  expect(featureModel(wide).classes).toBe(1128)
  const other = widenedWeights(cnn, wide, own, randomUnits(cnn, wide, 8), last).get('dense1.weight')!.data
  expect(other.subarray(128 * 3136)).not.toEqual(random)
})

it('without random features it is the model itself with another last layer', () => {
  expect(widened(cnn, 0)).toBe(cnn)
  const own = initialWeights(cnn, 0)
  const last = { weight: new Float32Array(1280), bias: new Float32Array(10) }
  expect(widenedWeights(cnn, cnn, own, randomUnits(cnn, cnn, 7), last).get('dense1.weight')!.data).toBe(
    own.get('dense1.weight')!.data,
  )
})

it('random features need a dense layer and relu before the last one', () => {
  const flat = modelOf([{ type: 'flatten' }, { type: 'dense', units: 10 }], [1, 28, 28], 10)
  expect(() => widened(flat, 5)).toThrow('random features need a dense layer and relu before the last layer')
  expect(featureModel(flat).classes).toBe(784)
})
