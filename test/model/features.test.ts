import { expect, it } from 'vitest'
import { featureModel, randomUnits, widened, widenedWeights } from '../../src/model/features.ts'
import { initialWeights } from '../../src/model/init.ts'
import { modelOf } from '../../src/model/presets.ts'

const cnn = modelOf('cnn', [1, 28, 28], 10)

it('a wider model has the own units first, and sums by Gaussian numbers behind them', () => {
  const wide = widened(cnn, 1000)
  const own = initialWeights(cnn, 0)
  const last = { weight: new Float32Array(10 * 1128).fill(2), bias: new Float32Array(10).fill(3) }
  const weights = widenedWeights(wide, own, randomUnits(cnn, wide, 7), last)
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
  const other = widenedWeights(wide, own, randomUnits(cnn, wide, 8), last).get('dense1.weight')!.data
  expect(other.subarray(128 * 3136)).not.toEqual(random)
})

it('without random features it is the model itself with another last layer', () => {
  expect(widened(cnn, 0)).toBe(cnn)
  const own = initialWeights(cnn, 0)
  const last = { weight: new Float32Array(1280), bias: new Float32Array(10) }
  expect(widenedWeights(cnn, own, randomUnits(cnn, cnn, 7), last).get('dense1.weight')!.data).toBe(
    own.get('dense1.weight')!.data,
  )
})

it('where a model ends with an etf, a dense layer stands for it and for the linear one before it', () => {
  const etf = modelOf('cnn-etf', [1, 28, 28], 10)
  const names = (model: typeof etf) => model.parameters.map(({ name, shape }) => [name, ...shape].join(' '))
  expect(names(widened(etf, 0))).toEqual(names(cnn))
  expect(names(widened(etf, 50))).toEqual(names(widened(cnn, 50)))
  expect(featureModel(widened(etf, 0)).classes).toBe(128)
  const own = initialWeights(etf, 0)
  const last = { weight: new Float32Array(10 * 128).fill(2), bias: new Float32Array(10).fill(3) }
  expect(randomUnits(etf, widened(etf, 0), 7)).toHaveLength(0)
  const weights = widenedWeights(widened(etf, 0), own, new Float32Array(), last)
  expect(weights.get('dense2.weight')).toEqual({ shape: [10, 128], data: last.weight })
  expect(weights.get('dense1.weight')!.data).toBe(own.get('dense1.weight')!.data)
  expect(randomUnits(etf, widened(etf, 50), 7)).toEqual(randomUnits(cnn, widened(cnn, 50), 7))
  // No linear layer leads to this one.
  const bare = modelOf([{ type: 'flatten' }, { type: 'etf', scale: 1, learn: false }], [1, 28, 28], 10)
  expect(names(widened(bare, 0))).toEqual(['dense1.weight 10 784', 'dense1.bias 10'])
})

it('random features need a dense layer and relu before the last one', () => {
  const flat = modelOf([{ type: 'flatten' }, { type: 'dense', units: 10 }], [1, 28, 28], 10)
  expect(() => widened(flat, 5)).toThrow('random features need a dense layer and relu before the last layer')
  expect(featureModel(flat).classes).toBe(784)
})
