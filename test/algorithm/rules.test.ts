import { describe, expect, it } from 'vitest'
import { MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { FedunifyError } from '../../src/errors.ts'
import type { Tensor } from '../../src/weights/weights.ts'
import { owners } from '../support/owners.ts'

const merged = (name: MergeName, rows: number[][], images?: number[]): number[] =>
  Array.from(MERGE_RULES[name].merge(owners(rows, images)).get('w')!.data)

const names = Object.keys(MERGE_RULES) as MergeName[]

describe('by hand', () => {
  it('avg', () => {
    expect(
      merged('avg', [
        [1, -2, 0.5],
        [3, 2, 0.25],
      ]),
    ).toEqual([2, 0, 0.375])
    expect(merged('avg', [[1], [2], [6]])).toEqual([3])
    // Summed in double precision: in single precision the one would be lost next to 2^25.
    expect(merged('avg', [[2 ** 25], [1], [-(2 ** 25)], [3]])).toEqual([1])
    expect(merged('avg', [[3e38], [3e38]])).toEqual([Math.fround(3e38)])
    expect(merged('avg', [[1], [1], [2]])).toEqual([Math.fround(4 / 3)])
  })

  it('avg does not look at the number of images', () => {
    expect(merged('avg', [[0], [4]], [1, 99])).toEqual([2])
  })

  it('weighted-avg', () => {
    expect(
      merged(
        'weighted-avg',
        [
          [0, 8],
          [4, -8],
        ],
        [1, 3],
      ),
    ).toEqual([3, -4])
    expect(merged('weighted-avg', [[1], [2], [6]], [48_000, 6_000, 6_000])).toEqual([Math.fround(96 / 60)])
    expect(merged('weighted-avg', [[5], [-7]], [0, 2])).toEqual([-7])
  })

  it('max', () => {
    expect(
      merged('max', [
        [1, -2, -5, 0],
        [3, -1, -6, -1],
      ]),
    ).toEqual([3, -1, -5, 0])
    expect(merged('max', [[-3], [-1], [-2]])).toEqual([-1])
  })

  it('absmax keeps the sign of the largest magnitude, and takes the positive one at ties', () => {
    expect(
      merged('absmax', [
        [1, -2, 5, 0, -1],
        [-3, 1, -5, 0, 1],
      ]),
    ).toEqual([-3, -2, 5, 0, 1])
    expect(merged('absmax', [[-5], [5], [4]])).toEqual([5])
    expect(merged('absmax', [[2], [-3], [3], [-3]])).toEqual([3])
    expect(merged('absmax', [[-2], [-2]])).toEqual([-2])
  })

  it('absmax-literal drops every sign', () => {
    expect(
      merged('absmax-literal', [
        [1, -2, 5, 0, -1],
        [-3, 1, -5, 0, 1],
      ]),
    ).toEqual([3, 2, 5, 0, 1])
    expect(merged('absmax-literal', [[-7]])).toEqual([7])
  })
})

describe.each(names)('%s', (name) => {
  const rule = MERGE_RULES[name]
  const two = (): [OwnerWeights, OwnerWeights] => {
    const tensor = (shape: number[], fill: number): Tensor => ({
      shape,
      data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(fill),
    })
    const owner = (nth: number): OwnerWeights => ({
      owner: nth,
      trainImages: nth,
      weights: new Map([
        ['conv1.weight', tensor([2, 1, 3, 3], nth)],
        ['conv1.bias', tensor([2], nth)],
      ]),
    })
    return [owner(1), owner(2)]
  }
  const without = ({ weights, ...rest }: OwnerWeights, tensor: string): OwnerWeights => ({
    ...rest,
    weights: new Map([...weights].filter(([at]) => at !== tensor)),
  })
  const refusal = (all: OwnerWeights[]): FedunifyError => {
    try {
      rule.merge(all)
    } catch (error) {
      if (error instanceof FedunifyError) return error
    }
    return expect.unreachable('it should have thrown a FedunifyError')
  }

  it('is in the registry under its own name, and says what it is', () => {
    expect(rule.name).toBe(name)
    expect(rule.summary).toMatch(/\S.*\S/)
    expect(rule.source).toMatch(/\S.*\S/)
  })

  it('keeps names, shapes and their order', () => {
    const shapes = [...rule.merge(two())].map(([tensor, { shape, data }]) => [tensor, shape, data.length])
    expect(shapes).toEqual([
      ['conv1.weight', [2, 1, 3, 3], 18],
      ['conv1.bias', [2], 2],
    ])
  })

  it('goes by name where an owner has its tensors in another order', () => {
    const [one, other] = two()
    const turned = { ...other, weights: new Map([...other.weights].reverse()) }
    expect(rule.merge([one, turned])).toEqual(rule.merge([one, other]))
  })

  it('refuses a missing tensor, whichever owner lacks it', () => {
    const [one, other] = two()
    const later = refusal([one, without(other, 'conv1.bias')])
    expect(later.kind).toBe('training')
    expect(later.message).toBe('owner 2: conv1.bias is missing')
    expect(later.hint).toBeTruthy()
    const first = refusal([without(one, 'conv1.weight'), other])
    expect(first.kind).toBe('training')
    expect(first.message).toBe('owner 1: conv1.weight is missing')
  })

  it('refuses a tensor of another shape, also where it has as many values', () => {
    const [one, other] = two()
    const { data } = other.weights.get('conv1.weight')!
    const turned = { ...other, weights: new Map([...other.weights, ['conv1.weight', { shape: [1, 2, 3, 3], data }]]) }
    const error = refusal([one, turned])
    expect(error.kind).toBe('training')
    expect(error.message).toBe('owner 2: conv1.weight is [1,2,3,3], not [2,1,3,3]')
  })

  it('refuses to merge nobody', () => {
    expect(refusal([]).message).toBe('there are no owners to merge')
  })

  // The federation refuses such weights before they are merged; a rule on its own must not hide them either.
  it.each([0, 1, 2])('lets a NaN of owner %i of three through', (at) => {
    const rows = [[1], [2], [-3]]
    rows[at] = [Number.NaN]
    expect(merged(name, rows)).toEqual([Number.NaN])
  })
})
