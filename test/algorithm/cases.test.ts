import { describe, expect, it } from 'vitest'
import type { MergeName } from '../../src/algorithm/merge/registry.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import type { Tensor, Weights } from '../../src/weights/weights.ts'
import { mergeOf } from '../support/merging.ts'
import { bits } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

// Numbers that other projects' tests assert, and what some of them do that is not done here.

const tensor = (shape: number[], data: number[]): Tensor => ({ shape, data: Float32Array.from(data) })
const owner = (nth: number, trainImages: number, tensors: Record<string, Tensor>): OwnerWeights => ({
  owner: nth,
  trainImages,
  weights: new Map(Object.entries(tensors)),
})
const scalar = (name: MergeName, rows: number[], images?: number[]) =>
  mergeOf(
    name,
    owners(
      rows.map((value) => [value]),
      images,
    ),
  ).get('w')!.data[0]

describe('means', () => {
  it('Flower, FedAvg: two tensors of owners with one image and two', () => {
    const a = owner(1, 1, { a: tensor([2, 3], [1, 2, 3, 4, 5, 6]), b: tensor([4], [7, 8, 9, 10]) })
    const b = owner(2, 2, { a: tensor([2, 3], [29, 23, 19, 17, 13, 11]), b: tensor([4], [7, 5, 3, 2]) })
    const out = mergeOf('weighted-avg', [a, b])
    const expected = { a: [59 / 3, 16, 41 / 3, 38 / 3, 31 / 3, 28 / 3], b: [7, 6, 5, 14 / 3] }
    for (const [name, values] of Object.entries(expected)) {
      expect([...out.get(name)!.data]).toEqual(values.map(Math.fround))
    }
  })

  it('TensorFlow Federated: 1, 2, 3 by 3, 2, 1', () => {
    expect(scalar('weighted-avg', [1, 2, 3], [3, 2, 1])).toBe(Math.fround(10 / 6))
  })

  it('FLSim: owner i sends i, and counts for i', () => {
    const ten = Array.from({ length: 10 }, (_, i) => i + 1)
    expect(scalar('avg', ten, ten)).toBe(5.5)
    expect(scalar('weighted-avg', ten, ten)).toBe(7)
  })

  it('Flower: two equal models are that model, and are not changed', () => {
    const tensors = () => ({ a: tensor([2, 3], [1, 2, 3, 4, 5, 6]), b: tensor([4], [7, 8, 9, 10]) })
    const all = [owner(1, 1, tensors()), owner(2, 2, tensors())]
    const patterns = (weights: Weights) => [...weights].map(([name, { shape, data }]) => [name, shape, bits(data)])
    const before = patterns(all[0]!.weights)
    for (const name of ['avg', 'weighted-avg'] as const) expect(patterns(mergeOf(name, all))).toEqual(before)
    expect(all.map(({ weights }) => patterns(weights))).toEqual([before, before])
  })

  it('a tensor that one owner alone has is refused, where NVFlare averages it over those that have it', () => {
    const one = owner(1, 1, { w1: tensor([1], [1]), w2: tensor([1], [2]), w3: tensor([1], [4]) })
    const other = owner(2, 1, { w2: tensor([1], [3]), w3: tensor([1], [4]) })
    expect(() => mergeOf('avg', [one, other])).toThrow('owner 2: w1 is missing')
    expect(() => mergeOf('weighted-avg', [other, one])).toThrow('owner 2: w1 is missing')
  })

  it('other shapes are refused, all of them named, where mergekit warns and passes over the tensor', () => {
    const one = owner(1, 1, { a: tensor([2], [1, 2]), b: tensor([1], [1]), c: tensor([1], [0]) })
    const other = owner(2, 1, { a: tensor([1], [1]), b: tensor([1, 1], [1]), c: tensor([1], [0]) })
    expect(() => mergeOf('ties', [one, other], {}, one.weights)).toThrow(
      'owner 2: a is [1], not [2]; owner 2: b is [1,1], not [1]',
    )
  })
})

describe('two owners', () => {
  // Where these rules are one, a run is refused (see `check` of each).
  it.each([
    ['median', {}],
    ['trimmed-mean', { beta: 0.49 }],
    ['geometric-median', {}],
  ] as const)('%s is avg', (name, options) => {
    const rows = [
      [1, 5, -2],
      [2, -3, 0.5],
    ]
    expect(mergeOf(name, owners(rows), options)).toEqual(mergeOf('avg', owners(rows)))
  })
})
