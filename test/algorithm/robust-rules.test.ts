import { describe, expect, it } from 'vitest'
import { MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule } from '../../src/algorithm/merge/rule.ts'
import { krumOrder } from '../../src/algorithm/merge/shared/krum-order.ts'
import { withDefaults } from '../../src/parts.ts'
import { mergeOf } from '../support/merging.ts'
import { noise } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

const merged = (name: MergeName, rows: readonly (readonly number[])[], options?: object, images?: number[]) =>
  Array.from(mergeOf(name, owners(rows, images), options).get('w')!.data)
const scalars = (...values: number[]) => values.map((value) => [value])
const four = (value: number) => [value, value, value, value]

/** What keeps a rule from merging so many owners before a run. */
const refusal = (name: MergeName, count: number, given: object = {}) => {
  const rule: MergeRule = MERGE_RULES[name]
  const options = withDefaults(rule, given)
  return rule.undefinedOn?.(options, count) ?? rule.check?.(options, count)
}

describe('krum', () => {
  it('takes the owner with the smallest sum of squared distances to its K - f - 2 nearest others', () => {
    expect(merged('krum', scalars(0, 1, 2, 4, 100))).toEqual([1])
    expect(merged('krum', scalars(1, 1, 1, 1, -1000))).toEqual([1])
  })

  it('has scores 5, 2, 5, 13, 18820, and the first of equals comes first', () => {
    const at = [0, 1, 2, 4, 100]
    const squared = at.map((a) => at.map((b) => (a - b) ** 2))
    // The sums of the two smallest of each row: 1+4, 1+1, 1+4, 4+9, 96²+98².
    expect(krumOrder(squared, [0, 1, 2, 3, 4], 1)).toEqual([1, 0, 2, 3, 4])
    expect(krumOrder(squared, [4, 3, 2, 1, 0], 1)).toEqual([1, 2, 0, 3, 4])
    // Two pairs, as near to each other: the first owner of all.
    expect(merged('krum', scalars(7, 0, 7, 0, 100), { f: 1 })).toEqual([7])
  })

  it('looks at whole models: an owner that is far off in one tensor alone is left out of all', () => {
    const model = (near: number, far: number) =>
      new Map([
        ['near', { shape: [], data: Float32Array.of(near) }],
        ['far', { shape: [1], data: Float32Array.of(far) }],
      ])
    const all = [model(2.25, 900), model(2, 3), model(3, 2), model(2.5, 2), model(9, 9)].map((weights, i) => {
      return { owner: i + 1, trainImages: 1, weights }
    })
    // Squared distances to the two nearest: 0.25 + 1.25 for the fourth, 0.25 + 2 for the third.
    const out = mergeOf('krum', all)
    expect([out.get('near')!.data[0], out.get('far')!.data[0]]).toEqual([2.5, 2])
  })

  it('gives the chosen model bit for bit, also -0 and next to what is infinite', () => {
    expect(merged('krum', scalars(-0, -0, -0, -0, 5))).toEqual([-0])
    expect(merged('krum', scalars(1, 2, 3, 2, Number.POSITIVE_INFINITY))).toEqual([2])
  })

  it('is refused below 2f + 3 owners, before a run and in a merge', () => {
    expect(refusal('krum', 5)).toBeUndefined()
    expect(refusal('krum', 4)).toBe('with f 1 it needs 5 owners or more (2f + 3), there are 4')
    expect(refusal('multi-krum', 6, { f: 2 })).toBe('with f 2 it needs 7 owners or more (2f + 3), there are 6')
    expect(() => merged('krum', scalars(1, 2, 3, 4))).toThrow(
      'merge krum: with f 1 it needs 5 owners or more (2f + 3), there are 4',
    )
  })
})

describe('multi-krum', () => {
  it('averages the m owners of lowest score, whatever their images', () => {
    expect(merged('multi-krum', scalars(0, 1, 2, 4, 100), { m: 3 }, [1, 2, 3, 4, 5])).toEqual([1])
    // All but f if m is not given.
    expect(merged('multi-krum', scalars(0, 1, 2, 4, 100))).toEqual([1.75])
  })

  // Flower's test (framework/py/flwr/server/strategy) asserts this with f 1, for which three owners are too few.
  it('makes .35 of .2, .5 and 1 with f 0 and m 2, and refuses f 1', () => {
    const rows = [four(0.2), four(0.5), four(1)]
    for (const value of merged('multi-krum', rows, { f: 0, m: 2 })) expect(value).toBeCloseTo(0.35, 7)
    expect(() => merged('multi-krum', rows, { f: 1, m: 2 })).toThrow('with f 1 it needs 5 owners or more')
  })

  it('is refused where it is krum or avg, or takes in owners that may be hostile', () => {
    expect(refusal('multi-krum', 5, { m: 1 })).toBe('m 1 takes one owner, which is the rule krum')
    expect(refusal('multi-krum', 5, { f: 0 })).toBe('m 5 takes all 5 owners, which is the rule avg')
    expect(refusal('multi-krum', 5, { m: 5 })).toBe('m 5 of 5 owners takes in some of the f 1 that may be hostile')
    expect(refusal('multi-krum', 5, { m: 4 })).toBeUndefined()
  })
})

describe('bulyan', () => {
  it('averages the values nearest to the median of those that krum chooses, one after another', () => {
    // Of 0, 1, 2, 3, 4, 5, 1000 krum chooses 2 first (of 2 and 3, as near to their four nearest), and of five chosen
    // ones the three values in the middle are averaged.
    expect(merged('bulyan', scalars(0, 1, 2, 3, 4, 5, 1000))).toEqual([2])
    expect(merged('bulyan', scalars(1, 1, 1, 1, 1, 1, -1000))).toEqual([1])
  })

  it('leaves out what is far off in one weight alone, which krum cannot see', () => {
    const honest = [1, 2, 3, 4, 5, 6].map((k) => [...Array.from({ length: 50 }, (_, i) => (k * i) % 7), k / 10])
    const sly = [...honest[2]!.slice(0, 50), 6]
    const value = merged('bulyan', [sly, ...honest]).at(-1)!
    expect(value).toBeGreaterThanOrEqual(0.1)
    expect(value).toBeLessThanOrEqual(0.6)
  })

  it('is refused below 4f + 3 owners', () => {
    expect(refusal('bulyan', 7)).toBeUndefined()
    expect(refusal('bulyan', 6)).toBe('with f 1 it needs 7 owners or more (4f + 3), there are 6')
    expect(refusal('bulyan', 10, { f: 2 })).toBe('with f 2 it needs 11 owners or more (4f + 3), there are 10')
  })
})

describe('geometric-median', () => {
  it('is the point from which the owners lie in directions that cancel', () => {
    // The Fermat point of a triangle with base 2 and a far apex: 120° everywhere, so 1/√3 above the base.
    const [x, y] = merged('geometric-median', [
      [-1, 0],
      [1, 0],
      [0, 5],
    ])
    expect(x).toBeCloseTo(0, 6)
    expect(y).toBeCloseTo(1 / Math.sqrt(3), 5)
    // Of a square, its centre.
    expect(
      merged('geometric-median', [
        [0, 0],
        [2, 0],
        [2, 2],
        [0, 2],
      ]),
    ).toEqual([1, 1])
  })

  it('is the median of three numbers', () => {
    expect(merged('geometric-median', scalars(1, 2, 1000))[0]).toBeCloseTo(2, 3)
  })

  it('counts owners by their images if it is told to', () => {
    const rows = scalars(0, 1, 10)
    expect(merged('geometric-median', rows, { weights: 'images' }, [1, 1, 5])[0]).toBeCloseTo(10, 3)
    expect(merged('geometric-median', rows, {}, [1, 1, 5])[0]).toBeCloseTo(1, 3)
  })

  it('of two owners is avg: Weiszfeld from the mean stays there, so it is refused', () => {
    expect(
      merged('geometric-median', [
        [1, 5, -2],
        [2, -3, 0.5],
      ]),
    ).toEqual([1.5, 1, -0.75])
    expect(refusal('geometric-median', 2)).toBe('the geometric median of 2 is their mean, which is the rule avg')
    expect(refusal('geometric-median', 2, { weights: 'images' })).toBe(
      'the geometric median of 2 is the model of the owner with more images',
    )
    expect(refusal('geometric-median', 3)).toBeUndefined()
  })
})

describe('poisoned owners', () => {
  const SIZE = 200
  const honestRows = (count: number) =>
    Array.from({ length: count }, (_, k) => noise(SIZE, k + 1).map((value) => 1 + 0.1 * value))
  const meanOf = (rows: readonly Float32Array[]) =>
    Float64Array.from({ length: SIZE }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.sqrt(Array.from({ length: SIZE }, (_, i) => (a[i]! - b[i]!) ** 2).reduce((sum, one) => sum + one, 0))
  const ATTACKS = {
    'sign flip': (row: Float32Array) => row.map((value) => -4 * value),
    'scaled noise': (_: Float32Array, k: number) => noise(SIZE, 100 + k).map((value) => 50 * value),
    'all the same': (row: Float32Array) => row.map(() => 10),
  }
  const RULES: [MergeName, (k: number, n: number) => object][] = [
    ['median', () => ({})],
    ['trimmed-mean', (k, n) => ({ beta: k / n })],
    ['geometric-median', () => ({})],
    ['krum', (k) => ({ f: k })],
    ['multi-krum', (k) => ({ f: k })],
    ['bulyan', (k) => ({ f: k })],
  ]
  const table = RULES.flatMap(([name, options]) =>
    (Object.keys(ATTACKS) as (keyof typeof ATTACKS)[]).flatMap((attack) =>
      [
        [1, 7],
        [2, 11],
      ].map(([k, n]) => [name, attack, k!, n!, options(k!, n!)] as const),
    ),
  )

  it.each(table)('%s withstands %s of %i owners of %i', (name, attack, k, n, options) => {
    const honest = honestRows(n - k)
    const poisoned = honest.slice(0, k).map((row, i) => ATTACKS[attack](row, i))
    const all = owners([...poisoned, ...honest])
    const target = meanOf(honest)
    // No honest model is farther from their mean than this.
    const spread = Math.max(...honest.map((row) => distance(row, target)))
    expect(distance(mergeOf(name, all, options).get('w')!.data, target)).toBeLessThanOrEqual(spread)
    expect(distance(mergeOf('avg', all).get('w')!.data, target)).toBeGreaterThan(2 * spread)
  })

  it('clipped-avg is moved by no more than their share of the bound', () => {
    const honest = honestRows(6)
    const base = new Map([['w', { shape: [SIZE], data: new Float32Array(SIZE).fill(1) }]])
    const bound = Math.max(...honest.map((row) => distance(row, base.get('w')!.data)))
    const rows = [honest[0]!.map((value) => -1000 * value), ...honest]
    const out = mergeOf('clipped-avg', owners(rows), { bound }, base).get('w')!.data
    // The mean of six is moved to that of seven, by a change of at most the bound.
    expect(distance(out, meanOf(honest))).toBeLessThanOrEqual((2 * bound) / 7)
    expect(distance(mergeOf('avg', owners(rows)).get('w')!.data, meanOf(honest))).toBeGreaterThan(100 * bound)
  })
})
