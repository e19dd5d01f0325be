import { describe, expect, it } from 'vitest'
import { MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule } from '../../src/algorithm/merge/rule.ts'
import { withDefaults } from '../../src/parts.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { mergeOf } from '../support/merging.ts'
import { bits, noise } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

const weightsOf = (row: readonly number[] | Float32Array): Weights =>
  new Map([['w', { shape: [row.length], data: Float32Array.from(row) }]])

/** Rows of values, which owners made of `base`; 0 if it is not given. */
function merged(
  name: MergeName,
  rows: readonly (readonly number[])[],
  options?: object,
  { images, base = rows[0]!.map(() => 0) }: { images?: number[]; base?: number[] } = {},
): number[] {
  return Array.from(mergeOf(name, owners(rows, images), options, weightsOf(base)).get('w')!.data)
}
const four = (value: number) => [value, value, value, value]

const check = (name: MergeName, count: number, given?: object) => {
  const rule: MergeRule = MERGE_RULES[name]
  return rule.check?.(withDefaults(rule, given), count)
}

it.each(['clipped-avg', 'task-arithmetic', 'ties', 'dare', 'class-rows'] as const)(
  '%s is not merged without the model that the owners trained from',
  (name) => {
    const options = name === 'clipped-avg' ? { bound: 1 } : {}
    expect(() => mergeOf(name, owners([[1], [2]]), options)).toThrow(
      `round 1: merge ${name}: it goes on from the model that all owners received, and there is none`,
    )
  },
)

it('a base with other tensors is refused', () => {
  const all = owners([[1], [2]])
  expect(() => mergeOf('ties', all, {}, weightsOf([1, 2]))).toThrow('base: w is [2], not [1]')
  expect(() => mergeOf('ties', all, {}, new Map())).toThrow('base: w is missing')
})

describe('clipped-avg', () => {
  // Cases of TensorFlow Federated's aggregators/robust_test.py: clipped sums and weighted means.
  it('scales changes down to the bound: 1, 3, 5 at 2 are 1, 2, 2', () => {
    const rows = [[1], [3], [5]]
    expect(3 * merged('clipped-avg', rows, { bound: 2 })[0]!).toBeCloseTo(5, 6)
    expect(merged('clipped-avg', rows, { bound: 2, weights: 'images' }, { images: [1, 2, 1] })).toEqual([7 / 4])
  })

  it('takes the length of the whole model: four 3s have length 6, at 4 they are 2s', () => {
    const three = [[1], [2], [3]].map((value, i) => ({
      owner: i + 1,
      trainImages: [1, 2, 1][i]!,
      weights: new Map(['a', 'b', 'c', 'd'].map((name) => [name, { shape: [1], data: Float32Array.from(value) }])),
    }))
    const base = new Map(['a', 'b', 'c', 'd'].map((name) => [name, { shape: [1], data: Float32Array.of(0) }]))
    const values = (options: object) => [...mergeOf('clipped-avg', three, options, base)].map(([, { data }]) => data[0])
    for (const value of values({ bound: 4 })) expect(3 * value!).toBeCloseTo(5, 6)
    expect(values({ bound: 4, weights: 'images' })).toEqual(four(7 / 4))
  })

  // Flower's clientapp/mod/dp_mods_test.py asserts 2: there a scalar escapes clipping.
  it('clips scalars too: from 0 to 2 at 1 is 1', () => {
    const scalar = (value: number): Weights => new Map([['s', { shape: [], data: Float32Array.of(value) }]])
    const owner = { owner: 1, trainImages: 1, weights: scalar(2) }
    expect([...mergeOf('clipped-avg', [owner], { bound: 1 }, scalar(0)).get('s')!.data]).toEqual([1])
  })

  it('goes on from the received model, and is avg within the bound', () => {
    expect(merged('clipped-avg', [[3], [17]], { bound: 2 }, { base: [1] })).toEqual([3])
    expect(merged('clipped-avg', [[3], [6]], { bound: 5 }, { base: [1] })).toEqual([4.5])
    expect(merged('clipped-avg', [[1], [1]], { bound: 5 }, { base: [1] })).toEqual([1])
  })
})

describe('task-arithmetic', () => {
  // From 1 to 2 and to 4, of weights .5 and .25: 1 + .5 · 1 + .25 · 3, and with the weights' sum divided out.
  it('adds lambda times the changes, or their mean', () => {
    const [rows, from] = [[[2], [4]], { base: [1] }]
    const images = { ...from, images: [2, 1] }
    expect(merged('task-arithmetic', rows, { lambda: 0.375, weights: 'images' }, images)).toEqual([2.25])
    const mean = { lambda: 1, normalise: true, weights: 'images' }
    expect(merged('task-arithmetic', rows, mean, images)[0]).toBeCloseTo(2.6666667, 6)
    expect(merged('task-arithmetic', rows, { lambda: 0.5 }, from)).toEqual([3])
    expect(merged('task-arithmetic', rows, { lambda: 2, normalise: true }, from)).toEqual([5])
  })

  it('is refused where it is avg', () => {
    expect(check('task-arithmetic', 2, { lambda: 0.5 })).toBe('lambda 0.5 times the sum of 2 changes is the rule avg')
    expect(check('task-arithmetic', 3, { lambda: 1, normalise: true, weights: 'images' })).toBe(
      'lambda 1 times the mean of 3 changes is the rule weighted-avg',
    )
    expect(check('task-arithmetic', 2)).toBeUndefined()
    expect(merged('task-arithmetic', [[2], [4]], { lambda: 0.5 }, { base: [1] })).toEqual([3])
  })
})

describe('ties', () => {
  it('trims, elects signs and averages those that agree', () => {
    const rows = [
      [1, -2, 0.1, 0],
      [-0.5, -1, 0.3, 0.4],
    ]
    expect(merged('ties', rows, { density: 0.5 })).toEqual([1, -1.5, 0, 0])
    expect(merged('ties', rows, { density: 0.5, lambda: 2 })).toEqual([2, -3, 0, 0])
  })

  // By unweighted changes + wins, by weighted ones -. A library that elects by the first and averages by the second, and
  // divides by the number of owners, makes .2 of it.
  it.each([1, -1])('elects by the changes, or by changes times images if owners count by images (sign %i)', (sign) => {
    const rows = [[sign], [-0.5 * sign]]
    const images = { images: [1, 4] }
    expect(merged('ties', rows, { density: 1 }, images)).toEqual([sign])
    expect(merged('ties', rows, { density: 1, weights: 'images' }, images)).toEqual([-0.5 * sign])
  })

  it('elects + at a tie, and nothing where nobody changed', () => {
    expect(
      merged('ties', [
        [1, 0],
        [-1, 0],
      ]),
    ).toEqual([1, 0])
  })

  it('ranks the values of a whole model together, or of each tensor', () => {
    const model = (a: number[], b: number[]): Weights =>
      new Map([
        ['a', { shape: [2], data: Float32Array.from(a) }],
        ['b', { shape: [2], data: Float32Array.from(b) }],
      ])
    const owner = { owner: 1, trainImages: 1, weights: model([5, 4], [2, 1]) }
    const values = (options: object) =>
      [...mergeOf('ties', [owner], { density: 0.5, ...options }, model([0, 0], [0, 0])).values()].map(({ data }) => [
        ...data,
      ])
    expect(values({})).toEqual([
      [5, 4],
      [0, 0],
    ])
    expect(values({ trim: 'tensor' })).toEqual([
      [5, 0],
      [2, 0],
    ])
  })

  it('keeps the exact share of the values, one at the least, and goes on from the received model', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
    const kept = (density: number) => merged('ties', [hundred], { density }).filter((value) => value !== 0)
    // 0.29 · 100 is 28.999… in floating point.
    expect(kept(0.29)).toEqual(hundred.slice(71))
    expect(kept(0.001)).toEqual([100])
    expect(
      merged(
        'ties',
        [
          [3, 9],
          [3, 1],
        ],
        { density: 0.5 },
        { base: [1, 5] },
      ),
    ).toEqual([1, 9])
  })
})

describe('dare', () => {
  const masked = (seed: number, options: object = {}) =>
    merged('dare', [[1, 2, 3, 4]], { density: 0.5, seed, ...options })

  // A library that keeps the L1 norm makes 2.5 and 7.5 of what is kept here.
  it('divides what it keeps by the density', () => {
    const seed = Array.from({ length: 1000 }, (_, i) => i).find((i) => masked(i).join() === '2,0,6,0')
    expect(seed).toBeDefined()
    for (let seed = 0; seed < 50; seed++) {
      for (const [i, value] of masked(seed).entries()) expect([0, 2 * (i + 1)]).toContain(value)
    }
  })

  it('has the changes as its mean over seeds', () => {
    const draws = 2000
    const sums = four(0)
    for (let seed = 0; seed < draws; seed++) {
      for (const [i, value] of masked(seed).entries()) sums[i]! += value
    }
    // A draw is 2w or 0, so its deviation is w; the bound is five of those of the mean.
    for (const [i, sum] of sums.entries()) {
      expect(Math.abs(sum / draws - (i + 1))).toBeLessThan((5 * (i + 1)) / Math.sqrt(draws))
    }
  })

  it('drops by seed, round, owner and tensor, and by nothing else', () => {
    const row = noise(500, 1)
    const drop = ({ seed = 0, round = 1, owner = 1, name = 'w' } = {}) => {
      const weights = new Map([[name, { shape: [500], data: row }]])
      const base = new Map([[name, { shape: [500], data: new Float32Array(500) }]])
      return bits(mergeOf('dare', [{ owner, trainImages: 1, weights }], { seed }, base, round).get(name)!.data)
    }
    expect(drop()).toEqual(drop())
    const others = [{ seed: 1 }, { round: 2 }, { owner: 2 }, { name: 'v' }].map(drop)
    expect(new Set([drop(), ...others].map(String)).size).toBe(5)
  })

  it('merges what is kept as ties does, without trimming it', () => {
    const rows = [noise(300, 1), noise(300, 2)].map((row) => Array.from(row))
    const [one, other] = rows.map((row, k) =>
      merged('dare', k === 0 ? [row, row.map(() => 0)] : [row.map(() => 0), row]),
    )
    const out = merged('dare', rows, { combine: 'ties' })
    for (const [i, value] of out.entries()) {
      // The mean with an owner that changes nothing is half of what is kept.
      const [a, b] = [2 * one![i]!, 2 * other![i]!]
      const agree = a * b >= 0
      const expected = agree ? (a !== 0 && b !== 0 ? (a + b) / 2 : a + b) : a + b >= 0 ? Math.max(a, b) : Math.min(a, b)
      expect(value).toBeCloseTo(expected, 6)
    }
  })

  it('is refused where it drops nothing', () => {
    expect(check('dare', 2, { density: 1 })).toBe('density 1 drops nothing, which is the rule avg')
    expect(check('dare', 2, { density: 1, combine: 'ties' })).toBe(
      'density 1 drops nothing, which is the rule ties with density 1',
    )
    expect(check('dare', 2)).toBeUndefined()
  })
})

describe('slerp', () => {
  it('goes along the arc', () => {
    const half = Math.SQRT1_2
    const [x, y] = merged('slerp', [
      [1, 0],
      [0, 1],
    ])
    expect(x).toBeCloseTo(half, 7)
    expect(y).toBeCloseTo(half, 7)
    // A third of a right angle from the first: cos 30° and sin 30°.
    const third = merged(
      'slerp',
      [
        [2, 0],
        [0, 2],
      ],
      { t: 1 / 3 },
    )
    expect(third[0]).toBeCloseTo(Math.sqrt(3), 6)
    expect(third[1]).toBeCloseTo(1, 6)
  })

  it('is a straight line between what is nearly parallel, opposite or nothing', () => {
    expect(merged('slerp', [[1], [3]], { t: 0.25 })).toEqual([1.5])
    expect(merged('slerp', [[1], [-3]], { t: 0.5 })).toEqual([-1])
    expect(
      merged('slerp', [
        [0, 0],
        [1, 2],
      ]),
    ).toEqual([0.5, 1])
  })

  it('takes each tensor as a vector, or the whole model', () => {
    const model = (a: number, b: number): Weights =>
      new Map([
        ['a', { shape: [1], data: Float32Array.of(a) }],
        ['b', { shape: [], data: Float32Array.of(b) }],
      ])
    const all = [model(1, 0), model(0, 1)].map((weights, i) => ({ owner: i + 1, trainImages: 1, weights }))
    const values = (over: string) => [...mergeOf('slerp', all, { over }).values()].map(({ data }) => data[0])
    expect(values('tensor')).toEqual([0.5, 0.5])
    expect(values('model')).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2)])
  })

  it('is between two owners', () => {
    const { undefinedOn } = MERGE_RULES.slerp
    expect(undefinedOn({ t: 0.5, over: 'tensor' }, 3)).toBe('it is between two owners, there are 3')
    expect(() => merged('slerp', [[1], [2], [3]])).toThrow('merge slerp: it is between two owners, there are 3')
  })
})
