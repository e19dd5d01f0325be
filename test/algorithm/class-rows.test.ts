import { expect, it } from 'vitest'
import { assertRuleFits } from '../../src/algorithm/merge/assert-rule.ts'
import { classRows } from '../../src/algorithm/merge/class-rows.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { mergeOf } from '../support/merging.ts'
import { bits, noise } from '../support/numbers.ts'

const CLASSES = 4

/** A model with two dense layers; the last has a row for each of four classes. */
const model = (seed: number): Weights =>
  new Map(
    Object.entries({
      'dense1.weight': [3, 2],
      'dense1.bias': [3],
      'dense2.weight': [CLASSES, 3],
      'dense2.bias': [CLASSES],
    }).map(([name, shape], i) => [
      name,
      {
        shape,
        data: noise(
          shape.reduce((n, one) => n * one, 1),
          10 * seed + i,
        ),
      },
    ]),
  )
const owner = (nth: number, trainLabels?: number[]): OwnerWeights => ({
  owner: nth,
  trainImages: 10,
  weights: model(nth),
  trainLabels,
})
const base = model(9)
const rowOf = (weights: Weights, label: number) => [
  ...bits(weights.get('dense2.weight')!.data.slice(3 * label, 3 * label + 3)),
  ...bits(weights.get('dense2.bias')!.data.slice(label, label + 1)),
]

it('takes the row of a class from the owner that has it, bit for bit, and of a class of nobody from the last model', () => {
  const all = [owner(1, [7, 0, 3, 0]), owner(2, [0, 10, 0, 0])]
  // A zero with a sign is one of the bits.
  all[1]!.weights.get('dense2.bias')!.data[1] = -0
  const out = mergeOf('class-rows', all, {}, base)
  expect([0, 1, 2, 3].map((label) => rowOf(out, label))).toEqual([
    rowOf(all[0]!.weights, 0),
    rowOf(all[1]!.weights, 1),
    rowOf(all[0]!.weights, 2),
    rowOf(base, 3),
  ])
})

it('weighs owners by their images of the class, or those that have some the same', () => {
  const all = [owner(1, [1, 5, 0, 0]), owner(2, [3, 5, 0, 1])]
  const bias = (options: object) => mergeOf('class-rows', all, options, base).get('dense2.bias')!.data
  const [a, b] = all.map(({ weights }) => weights.get('dense2.bias')!.data)
  expect(bias({})[0]).toBe(Math.fround((a![0]! + 3 * b![0]!) / 4))
  expect(bias({ weights: 'equal' })[0]).toBe(Math.fround((a![0]! + b![0]!) / 2))
  expect(bias({})[1]).toBe(Math.fround((a![1]! + b![1]!) / 2))
  expect(bias({})[3]).toBe(b![3])
})

it('averages all other tensors', () => {
  const all = [owner(1, [5, 5, 0, 0]), owner(2, [0, 0, 5, 5])]
  const out = mergeOf('class-rows', all, {}, base)
  const avg = mergeOf('avg', all)
  for (const name of ['dense1.weight', 'dense1.bias']) expect(out.get(name)).toEqual(avg.get(name))
})

it('hides no NaN, of whatever owner', () => {
  const all = [owner(1, [5, 5, 0, 0]), owner(2, [0, 0, 5, 0])]
  all[1]!.weights.get('dense2.bias')!.data.set([Number.NaN, 1, 1, Number.NaN])
  const { data } = mergeOf('class-rows', all, {}, base).get('dense2.bias')!
  expect([...data].map(Number.isNaN)).toEqual([true, false, false, true])
})

it('needs the labels of every owner, of as many classes as there are rows', () => {
  expect(() => mergeOf('class-rows', [owner(1, [5, 5, 0, 0]), owner(2)], {}, base)).toThrow(
    'merge class-rows: the rule threw owner 2 tells numbers of images of no class',
  )
  expect(() => mergeOf('class-rows', [owner(1, [5, 5])], {}, base)).toThrow(
    'owner 1 tells numbers of images of 2 classes',
  )
})

it('is refused for a model whose last dense layer has other rows than there are classes', () => {
  const check = (shapes: Record<string, number[]>) =>
    classRows.checkModel({ weights: 'images' }, { shapes: new Map(Object.entries(shapes)), classes: 4 })
  expect(check({ 'dense1.weight': [4, 3], 'dense1.bias': [4] })).toBeUndefined()
  expect(check({ 'conv1.weight': [4, 1, 3, 3] })).toBe('the model has no dense layer')
  expect(check({ 'dense1.weight': [5, 3] })).toBe(
    'the last dense layer, dense1.weight, has 5 rows, but there are 4 classes',
  )
})

it('is refused for a model that ends with an etf, whose dense layer has no rows of classes, alone or in a group', () => {
  const shapes = new Map([
    ['dense1.weight', [4, 3]],
    ['dense1.bias', [4]],
  ])
  const model = { shapes, classes: 4, lastLayer: 'etf' }
  const why = 'the last layer is etf: no row of a dense layer belongs to a class'
  expect(classRows.checkModel({ weights: 'images' }, model)).toBe(why)
  expect(() => assertRuleFits({ layers: { rules: { 'dense1.*': 'class-rows' }, otherwise: 'avg' } }, model)).toThrow(
    why,
  )
})
