import { describe, expect, it } from 'vitest'
import { FedunifyError } from '../../src/errors.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel, type Model, parameterCount } from '../../src/model/model.ts'
import { PRESET_NAMES, presetLayers } from '../../src/model/presets.ts'

const grey: Model['input'] = [1, 28, 28]
const conv = (kernel: number, padding: 'same' | 'valid' = 'same'): Layer => ({
  type: 'conv2d',
  filters: 4,
  kernel,
  padding,
})
const pool = (size: number): Layer => ({ type: 'maxpool2d', size })
const flatten: Layer = { type: 'flatten' }
const dense = (units: number): Layer => ({ type: 'dense', units })

describe('the presets on 28x28 grey images of 10 classes', () => {
  it.each([
    ['cnn', 421_642],
    ['cnn-small', 542_230],
    ['cnn-etf', 436_865],
    ['cnn-small-etf', 551_321],
    ['mlp', 118_282],
  ] as const)('%s has %i parameters', (name, count) => {
    expect(parameterCount(buildModel(presetLayers(name, 10), grey, 10))).toBe(count)
  })

  it.each(PRESET_NAMES)('%s ends with a unit for each class of the data', (name) => {
    for (const classes of [2, 5, 47, 300]) {
      expect(buildModel(presetLayers(name, classes), [3, 12, 9], classes).layers.at(-1)!.output).toEqual([classes])
    }
  })

  it('are of images', () => {
    expect(() => buildModel(presetLayers('mlp', 5), [20], 5)).toThrow(
      'models are of images, but the data has 20 values',
    )
  })

  it('cnn has the shapes that Fig. 5 implies', () => {
    const model = buildModel(presetLayers('cnn', 10), grey, 10)
    expect(model.layers.map(({ name, output }) => `${name} ${output.join('x')}`)).toEqual([
      'conv1 32x28x28',
      'relu1 32x28x28',
      'maxpool1 32x14x14',
      'conv2 64x14x14',
      'relu2 64x14x14',
      'maxpool2 64x7x7',
      'flatten1 3136',
      'dense1 128',
      'relu3 128',
      'dense2 10',
    ])
    expect(model.parameters).toEqual([
      { name: 'conv1.weight', shape: [32, 1, 3, 3], fanIn: 9 },
      { name: 'conv1.bias', shape: [32], fanIn: 9 },
      { name: 'conv2.weight', shape: [64, 32, 3, 3], fanIn: 288 },
      { name: 'conv2.bias', shape: [64], fanIn: 288 },
      { name: 'dense1.weight', shape: [128, 3136], fanIn: 3136 },
      { name: 'dense1.bias', shape: [128], fanIn: 3136 },
      { name: 'dense2.weight', shape: [10, 128], fanIn: 128 },
      { name: 'dense2.bias', shape: [10], fanIn: 128 },
    ])
  })

  it('cnn-small loses the edge and pools once', () => {
    const { layers } = buildModel(presetLayers('cnn-small', 10), grey, 10)
    expect(layers.map(({ output }) => output.join('x'))).toEqual([
      '32x26x26',
      '32x26x26',
      '32x13x13',
      '5408',
      '100',
      '100',
      '10',
    ])
  })
})

describe('shapes', () => {
  const shapeBehind = (layers: Layer[], input: Model['input'] = [2, 9, 10]) =>
    buildModel([...layers, flatten, dense(3)], input, 3).layers[layers.length - 1]!.output

  it.each([1, 2, 3, 4, 5, 31])('padding same keeps rows and columns with a kernel of %i', (kernel) => {
    expect(shapeBehind([conv(kernel)])).toEqual([4, 9, 10])
  })

  it.each([
    [1, 9, 10],
    [2, 8, 9],
    [5, 5, 6],
    [9, 1, 2],
  ])('padding valid with a kernel of %i leaves %i x %i', (kernel, rows, cols) => {
    expect(shapeBehind([conv(kernel, 'valid')])).toEqual([4, rows, cols])
  })

  it('a pool leaves out what does not fill a window', () => {
    expect(shapeBehind([pool(2)])).toEqual([2, 4, 5])
    expect(shapeBehind([pool(4)])).toEqual([2, 2, 2])
    expect(shapeBehind([pool(2), pool(2)])).toEqual([2, 2, 2])
  })

  it('relu and dropout change none, before flatten and behind it', () => {
    expect(shapeBehind([{ type: 'relu' }, { type: 'dropout', rate: 0.5 }])).toEqual([2, 9, 10])
    expect(shapeBehind([flatten, { type: 'dropout', rate: 0.5 }])).toEqual([180])
  })

  it('numbers layers of a kind, not all of them', () => {
    const { layers } = buildModel([conv(3), conv(3), flatten, dense(5), dense(3)], grey, 3)
    expect(layers.map(({ name }) => name)).toEqual(['conv1', 'conv2', 'flatten1', 'dense1', 'dense2'])
  })
})

describe('what does not fit', () => {
  it.each<[string, Layer[], string, RegExp]>([
    [
      'a dense layer on an image',
      [conv(3), dense(10)],
      'layer 2 (dense) needs a flat input, got 4x28x28',
      /flatten layer before/,
    ],
    [
      'a convolution behind flatten',
      [flatten, conv(3), dense(10)],
      'layer 2 (conv2d) needs an image, got 784 values',
      /before the flatten/,
    ],
    [
      'a pool behind dense',
      [flatten, dense(9), pool(2)],
      'layer 3 (maxpool2d) needs an image, got 9 values',
      /before the flatten/,
    ],
    [
      'a kernel larger than the image',
      [pool(8), conv(4, 'valid'), flatten, dense(10)],
      'layer 2 (conv2d) has a 4x4 kernel on an image of 3x3',
      /smaller kernel/,
    ],
    [
      'a pool larger than the image',
      [pool(8), pool(2), pool(2), flatten, dense(10)],
      'layer 3 (maxpool2d) pools 2x2 of 1x1',
      /fewer pools/,
    ],
    [
      'another number of outputs than classes',
      [flatten, dense(9)],
      'the model ends with layer 2 (dense) of 9 values, but the data has 10 classes',
      /type: dense, units: 10/,
    ],
    [
      'an image as the output',
      [conv(3)],
      'the model ends with layer 1 (conv2d) of 4x28x28, but the data has 10 classes',
      /type: dense, units: 10/,
    ],
    ['no layer at all', [], 'the model ends with no layer, but the data has 10 classes', /type: dense, units: 10/],
  ])('%s is named, with a hint', (_, layers, message, hint) => {
    try {
      buildModel(layers, grey, 10)
    } catch (error) {
      expect(error).toBeInstanceOf(FedunifyError)
      expect(error).toMatchObject({ kind: 'usage', message, hint: expect.stringMatching(hint) })
      return
    }
    expect.unreachable('it should have thrown')
  })
})
