import { describe, expect, it } from 'vitest'
import { MERGE_NAMES, MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule, OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { FedunifyError } from '../../src/errors.ts'
import { withDefaults } from '../../src/parts.ts'
import type { Tensor } from '../../src/weights/weights.ts'
import { defined, mergeOf } from '../support/merging.ts'
import { owners } from '../support/owners.ts'
import { caseOf, TENSOR_NAMES, withStatistics } from '../support/rule-cases.ts'

/** By the definition of the rule, and as a run makes it. */
function merged(name: MergeName, rows: number[][], images?: number[], options?: object): number[] {
  const values = Array.from(defined(name, owners(rows, images), options))
  expect(Array.from(mergeOf(name, owners(rows, images), options).get('w')!.data)).toEqual(values)
  return values
}

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

  // Vectors and scalars of Flower's tests of FedMedian and FedTrimmedAvg (framework/py/flwr/serverapp/strategy).
  it('median', () => {
    expect(
      merged(
        'median',
        [
          [1, 0.2, 0.5, 1],
          [0.2, 0.5, 1, 0.2],
          [0.5, 1, 0.2, 0.5],
        ],
        [5, 2, 9],
      ),
    ).toEqual([0.5, 0.5, 0.5, 0.5])
    expect(merged('median', [[1], [3], [2]])).toEqual([2])
    expect(merged('median', [[5], [-1], [4], [100]])).toEqual([4.5])
    expect(merged('median', [[3e38], [3e38], [3e38], [3e38]])).toEqual([Math.fround(3e38)])
    expect(merged('median', [[-0], [-0], [0]])).toEqual([-0])
  })

  it('trimmed-mean', () => {
    const trimmed = (beta: number, rows: number[][]) => merged('trimmed-mean', rows, undefined, { beta })
    expect(
      trimmed(0.25, [
        [0.5, 0.5, 0.5, 0.5],
        [1, 0.2, 0.5, 1],
        [0.2, 0.5, 1, 0.2],
        [0.5, 1, 0.2, 0.5],
      ]),
    ).toEqual([0.5, 0.5, 0.5, 0.5])
    expect(trimmed(0.25, [[0.5], [1], [2], [100]])).toEqual([1.5])
    const ten = [9, 1, 8, 2, 7, 3, 6, 4, 5, 1000].map((value) => [value])
    expect(merged('trimmed-mean', ten)).toEqual([(2 + 3 + 4 + 5 + 6 + 7 + 8 + 9) / 8])
    // 0.29 * 100 is 28.999… in floating point: 29 are left out at each end all the same.
    const most = Array.from({ length: 100 }, (_, i) => [i < 29 ? -1000 : i < 71 ? 1 : 5])
    expect(trimmed(0.29, most)).toEqual([1])
    expect(trimmed(0.4999999999, [[1], [3]])).toEqual([2])
  })

  it('trimmed-mean that trims nothing is avg', () => {
    const rows = [
      [1, 5],
      [2, -3],
      [4, 0.25],
    ]
    expect(merged('trimmed-mean', rows, undefined, { beta: 0 })).toEqual(merged('avg', rows))
    expect(merged('trimmed-mean', rows)).toEqual(merged('avg', rows))
  })

  it('of two owners median, trimmed-mean and avg are one', () => {
    const rows = [
      [1, 5, -2],
      [2, -3, 0.5],
    ]
    for (const name of ['median', 'trimmed-mean'] as const) expect(merged(name, rows)).toEqual(merged('avg', rows))
  })
})

describe('a rule that is another one in disguise says so', () => {
  const check = (name: MergeName, count: number, options?: object) => {
    const rule: MergeRule = MERGE_RULES[name]
    return rule.check?.(withDefaults(rule, options), count)
  }

  it('median of one owner or two', () => {
    expect(check('median', 1)).toBe('the median of 1 is their mean, which is the rule avg')
    expect(check('median', 2)).toBe('the median of 2 is their mean, which is the rule avg')
    expect(check('median', 3)).toBeUndefined()
  })

  it('trimmed-mean that trims none, or leaves only the middle', () => {
    expect(check('trimmed-mean', 9)).toBe('beta 0.1 trims none of 9 owners, which is the rule avg')
    expect(check('trimmed-mean', 10)).toBeUndefined()
    expect(check('trimmed-mean', 5, { beta: 0.2 })).toBeUndefined()
    expect(check('trimmed-mean', 4, { beta: 0.25 })).toBe('beta 0.25 leaves 2 of 4 owners, which is the rule median')
    expect(check('trimmed-mean', 5, { beta: 0.45 })).toBe('beta 0.45 leaves 1 of 5 owners, which is the rule median')
    expect(check('trimmed-mean', 2, { beta: 0.3 })).toBe('beta 0.3 trims none of 2 owners, which is the rule avg')
  })

  it.each([-0.1, 0.5, 1, Number.NaN])('and beta cannot be %d', (beta) => {
    expect(() => check('trimmed-mean', 10, { beta })).toThrow('beta')
  })
})

/** Rules that can be computed from the owners' weighted sum. */
const SUMS: readonly MergeName[] = ['avg', 'weighted-avg', 'fednova', 'task-arithmetic', 'last-rounds']

/** Options that have no default. */
const ASKED: Partial<Record<MergeName, string>> = { 'clipped-avg': 'bound', layers: 'rules' }

describe.each(MERGE_NAMES)('%s', (name) => {
  const rule: MergeRule = MERGE_RULES[name]
  const asked = ASKED[name]
  const { options, owners: count = 2 } = caseOf(name)
  const some = (): [OwnerWeights, OwnerWeights, ...OwnerWeights[]] => {
    const tensor = (shape: number[], fill: number): Tensor => ({
      shape,
      data: new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(fill),
    })
    const owner = (nth: number): OwnerWeights => ({
      owner: nth,
      trainImages: nth,
      steps: nth,
      trainLabels: [nth - 1, 1],
      weights: new Map([
        ['conv1.weight', tensor([2, 1, 3, 3], nth)],
        ['conv1.bias', tensor([2], nth)],
        ['dense1.weight', tensor([2, 3], nth)],
        ['dense1.bias', tensor([2], nth)],
      ]),
    })
    return [owner(1), owner(2), ...Array.from({ length: count - 2 }, (_, i) => owner(i + 3))]
  }
  const base = some()[0].weights
  const merge = (all: readonly OwnerWeights[]) => mergeOf(name, withStatistics(name, all), options, base)
  const without = ({ weights, ...rest }: OwnerWeights, tensor: string): OwnerWeights => ({
    ...rest,
    weights: new Map([...weights].filter(([at]) => at !== tensor)),
  })
  const refusal = (all: OwnerWeights[]): FedunifyError => {
    try {
      merge(all)
    } catch (error) {
      if (error instanceof FedunifyError) return error
    }
    return expect.unreachable('it should have thrown a FedunifyError')
  }

  it('says what it is, whence, when to use it, and what it needs', () => {
    for (const line of [rule.summary, rule.source, rule.when]) expect(line).toMatch(/^\S.*\S$/)
    expect(rule.needs).toBe(SUMS.includes(name) ? 'sum' : 'each')
  })

  it('has a default for every option but what only its user knows, and knows no others', () => {
    if (asked) expect(() => withDefaults(rule)).toThrow(asked)
    else expect(() => withDefaults(rule)).not.toThrow()
    expect(() => withDefaults(rule, { ...options, betta: 0.2 })).toThrow('betta')
  })

  it('keeps names, shapes and their order', () => {
    const shapes = [...merge(some())].map(([tensor, { shape, data }]) => [tensor, shape, data.length])
    expect(shapes).toEqual([
      ['conv1.weight', [2, 1, 3, 3], 18],
      ['conv1.bias', [2], 2],
      ['dense1.weight', [2, 3], 6],
      ['dense1.bias', [2], 2],
    ])
  })

  it('goes by name where an owner has its tensors in another order', () => {
    const [one, other, ...rest] = some()
    const turned = { ...other, weights: new Map([...other.weights].reverse()) }
    expect(merge([one, turned, ...rest])).toEqual(merge([one, other, ...rest]))
  })

  it('refuses a missing tensor, whichever owner lacks it', () => {
    const [one, other] = some()
    const later = refusal([one, without(other, 'conv1.bias')])
    expect(later.kind).toBe('training')
    expect(later.message).toBe('owner 2: conv1.bias is missing')
    expect(later.hint).toBeTruthy()
    const first = refusal([without(one, 'conv1.weight'), other])
    expect(first.kind).toBe('training')
    expect(first.message).toBe('owner 1: conv1.weight is missing')
  })

  it('refuses a tensor of another shape, also where it has as many values', () => {
    const [one, other] = some()
    const { data } = other.weights.get('conv1.weight')!
    const turned = { ...other, weights: new Map([...other.weights, ['conv1.weight', { shape: [1, 2, 3, 3], data }]]) }
    const error = refusal([one, turned])
    expect(error.kind).toBe('training')
    expect(error.message).toBe('owner 2: conv1.weight is [1,2,3,3], not [2,1,3,3]')
  })

  it('refuses to merge nobody', () => {
    expect(refusal([]).message).toBe('there are no owners to merge')
  })
})

// The federation refuses such weights before they are merged; a rule on its own must not hide them either.
it.each(TENSOR_NAMES.flatMap((name) => [0, 1, 2].map((at) => [name, at] as const)))(
  '%s lets a NaN of owner %i through',
  (name, at) => {
    const { options, owners: count = 3 } = caseOf(name)
    const rows = [1, 2, -3, 4, 5, 6, 7].slice(0, count).map((value) => [value])
    rows[at % count] = [Number.NaN]
    const base = new Map([['w', { shape: [1], data: Float32Array.of(0) }]])
    const all = withStatistics(name, owners(rows))
    expect(Array.from(defined(name, all, options, base))).toEqual([Number.NaN])
    expect(mergeOf(name, all, options, base).get('w')!.data).toEqual(Float32Array.of(Number.NaN))
  },
)
