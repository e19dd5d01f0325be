import { describe, expect, it } from 'vitest'
import { decompose, substitute } from '../../src/algorithm/cholesky.ts'
import { asksOf, assertRuleFits } from '../../src/algorithm/merge/assert-rule.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import type { AnyChoice } from '../../src/parts.ts'
import type { NamedWeights } from '../../src/weights/named.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { mergeOf } from '../support/merging.ts'
import { noise } from '../support/numbers.ts'

const tensor = (shape: number[], values: readonly number[]) => ({ shape, data: Float32Array.from(values) })

describe('regmean', () => {
  /** An owner of a dense layer of two inputs: its rows of weights, the bias, and the lower triangle of its Gram matrix. */
  const owner = (nth: number, rows: readonly number[], gram: readonly number[], bias = [nth]): OwnerWeights => ({
    owner: nth,
    trainImages: nth,
    weights: new Map([
      ['dense1.weight', tensor([rows.length / 2, 2], rows)],
      ['dense1.bias', tensor([bias.length], bias)],
    ]),
    statistics: { 'grams-1000': new Map([['dense1.weight', tensor([3], gram)]]) },
  })
  const merged = (all: readonly OwnerWeights[], options: object = { alpha: 1 }) =>
    [...mergeOf('regmean', all, options).values()].map(({ data }) => [...data])

  it('is (Σ G)⁻¹ Σ G W of a dense weight, and the mean of all else', () => {
    // [[2, 1], [1, 1]] (1, 0) + [[0, 0], [0, 1]] (7, 3) = (2, 4), and [[2, 1], [1, 2]] (0, 2) = (2, 4).
    // In the second row both owners agree.
    const all = [owner(1, [1, 0, 5, -3], [2, 1, 1]), owner(2, [7, 3, 5, -3], [0, 0, 1])]
    expect(merged(all)).toEqual([[expect.closeTo(0, 6), expect.closeTo(2, 6), 5, -3], [1.5]])
  })

  it('multiplies what lies outside of the diagonal by alpha', () => {
    const all = [owner(1, [1, 2], [2, 1, 1]), owner(2, [4, -1], [1, -1, 2])]
    // The sum is 3 times the identity for any alpha: ((2 + 2 alpha) + (4 + alpha), (2 + alpha) + (-2 - 4 alpha)) / 3.
    for (const [alpha, expected] of [
      [1, [3, -1]],
      [0.5, [2.5, -0.5]],
      [0, [2, 0]],
    ] as const) {
      expect(merged(all, { alpha })[0]).toEqual(expected.map((value) => expect.closeTo(value, 6)))
    }
    expect(merged(all, {})[0]).toEqual(merged(all, { alpha: 0.9 })[0])
  })

  it('is avg if all owners have the same Gram matrix, one that has no inverse too', () => {
    for (const gram of [
      [2, 1, 1],
      [1, 1, 1],
      [0, 0, 0],
    ]) {
      const all = [owner(1, [1, 2], gram), owner(2, [4, -1], gram), owner(3, [-2, 8], gram)]
      expect(merged(all)[0]).toEqual([1, 3])
    }
  })

  it('leaves the mean of inputs that no owner has', () => {
    const all = [owner(1, [3, 2], [2, 0, 0]), owner(2, [9, -1], [1, 0, 0])]
    expect(merged(all)[0]).toEqual([5, 0.5])
  })

  it('finds one of the best if inputs cannot be told apart', () => {
    // Both inputs are always equal: x (1, 1) with x² summing to 1 and to 3. Outputs are best if the weights add up to
    // (1 · 2 + 3 · 8) / 4 = 6.5.
    const [[first, second]] = merged([owner(1, [1, 1], [1, 1, 1]), owner(2, [3, 5], [3, 3, 3])]) as [number[]]
    expect(first! + second!).toBeCloseTo(6.5, 6)
  })

  it('is the least squares over all images of what each owner’s own layer makes of its inputs', () => {
    const [n, units, images] = [7, 3, 20]
    const inputs = [1, 2].map((seed) => noise(images * n, seed))
    const weights = [3, 4].map((seed) => noise(units * n, seed))
    const grams = inputs.map((x) =>
      Array.from({ length: n }, (_, i) =>
        Array.from({ length: i + 1 }, (_, j) =>
          x.reduce((sum, value, at) => sum + (at % n === i ? value * x[at - i + j]! : 0), 0),
        ),
      ).flat(),
    )
    const all = weights.map((w, k) => ({
      owner: k + 1,
      trainImages: 1,
      weights: new Map([['d.weight', tensor([units, n], [...w])]]),
      statistics: { 'grams-1000': new Map([['d.weight', tensor([grams[k]!.length], grams[k]!)]]) },
    }))
    const best = mergeOf('regmean', all, { alpha: 1 }).get('d.weight')!.data
    /** Σ ‖X (W - Wₖ)‖² */
    const error = (w: ArrayLike<number>) => {
      let sum = 0
      for (const [k, x] of inputs.entries()) {
        for (let i = 0; i < images; i++) {
          for (let u = 0; u < units; u++) {
            let difference = 0
            for (let j = 0; j < n; j++) difference += x[i * n + j]! * (w[u * n + j]! - weights[k]![u * n + j]!)
            sum += difference ** 2
          }
        }
      }
      return sum
    }
    const least = error(best)
    for (const at of best.keys()) {
      for (const step of [-0.01, 0.01])
        expect(error(Float64Array.from(best).map((w, i) => (i === at ? w + step : w)))).toBeGreaterThan(least)
    }
  })

  it('needs what it asks for, and a dense layer', () => {
    const all = [owner(1, [1, 2], [1, 0, 1]), owner(2, [3, 4], [1, 0, 1])]
    expect(() => mergeOf('regmean', all, { images: 500 })).toThrow(
      'merge regmean: the rule threw owner 1 has not handed in its grams of 500 images',
    )
    const model = (shapes: Record<string, number[]>) => ({ shapes: new Map(Object.entries(shapes)), classes: 2 })
    expect(() => assertRuleFits('regmean', model({ 'conv1.weight': [2, 1, 3, 3], 'conv1.bias': [2] }))).toThrow(
      'merge regmean: the model has no dense layer',
    )
    expect(() => assertRuleFits('regmean', model({ 'dense1.weight': [2, 3] }))).not.toThrow()
  })
})

describe('fisher', () => {
  const owner = (
    nth: number,
    values: readonly number[],
    fisher: readonly number[],
    name = 'fisher-1000',
  ): OwnerWeights => ({
    owner: nth,
    trainImages: nth,
    weights: one(values),
    statistics: { [name]: one(fisher) },
  })
  const one = (values: readonly number[]): Weights => new Map([['w', tensor([values.length], values)]])
  const merged = (all: readonly OwnerWeights[], options?: object) => [...mergeOf('fisher', all, options).get('w')!.data]

  it('is Σ F w / Σ F of each weight', () => {
    expect(merged([owner(1, [0, 8], [1, 3]), owner(2, [4, 4], [3, 1])])).toEqual([3, 7])
    expect(merged([owner(1, [1], [0.5]), owner(2, [2], [0.25]), owner(3, [-4], [0.25])])).toEqual([0])
  })

  it('averages weights of which no owner’s images say anything, and lifts others to the floor', () => {
    expect(merged([owner(1, [1, 5], [0, 1e-9]), owner(2, [3, -5], [0, 1e-8])])).toEqual([2, 0])
    expect(merged([owner(1, [4], [0.1]), owner(2, [0], [0])], { floor: 0.3 })).toEqual([2])
    expect(merged([owner(1, [4], [0.75]), owner(2, [0], [0])], { floor: 0.25 })).toEqual([3])
    expect(() => merged([owner(1, [4], [0.1])], { floor: 0 })).toThrow('floor')
  })

  it('counts owners the same as a whole with normalise', () => {
    const all = [owner(1, [1, 1], [3, 4]), owner(2, [3, -3], [0.375, 0.5])]
    expect(merged(all)).toEqual([Math.fround((3 + 1.125) / 3.375), Math.fround((4 - 1.5) / 4.5)])
    expect(merged(all, { normalise: true })).toEqual([2, -1])
    // One whose information is nowhere above 0 has no length.
    expect(merged([owner(1, [1], [0]), owner(2, [3], [0])], { normalise: true })).toEqual([2])
  })

  it('takes the empirical one for true labels', () => {
    const all = [owner(1, [0], [1], 'empirical-fisher-9'), owner(2, [4], [3], 'empirical-fisher-9')]
    expect(merged(all, { labels: 'true', images: 9 })).toEqual([3])
    expect(() => merged(all, { images: 9 })).toThrow('owner 1 has not handed in its fisher of 9 images')
  })
})

it('rules ask for what they need, and layers for each thing once', () => {
  const rules: Record<string, AnyChoice> = {
    'conv*': 'fisher',
    'dense1.*': { regmean: { alpha: 0.1, images: 5 } },
    'dense2.*': { regmean: { alpha: 0.5, images: 5 } },
    'dense3.*': { fisher: { floor: 1, labels: 'true', normalise: false, images: 7 } },
  }
  expect(asksOf('avg')).toEqual([])
  expect(asksOf('regmean')).toEqual([{ statistic: 'grams', images: 1000 }])
  expect(asksOf({ layers: { rules, otherwise: 'fisher' } })).toEqual([
    { statistic: 'fisher', images: 1000 },
    { statistic: 'grams', images: 5 },
    { statistic: 'empirical-fisher', images: 7 },
  ])
})

it('layers give each of their rules the statistics of its tensors', () => {
  const owner = (nth: number, w: number, statistics: NamedWeights): OwnerWeights => ({
    owner: nth,
    trainImages: 1,
    weights: new Map(['conv1.bias', 'dense1.weight', 'dense2.weight'].map((name) => [name, tensor([1, 1], [w])])),
    statistics,
  })
  const statistics = (gram: number, fisher: number) => ({
    'grams-1000': new Map(['dense1.weight', 'dense2.weight'].map((name) => [name, tensor([1], [gram])])),
    'fisher-1000': new Map(
      ['conv1.bias', 'dense1.weight', 'dense2.weight'].map((name) => [name, tensor([1, 1], [fisher])]),
    ),
  })
  const merged = mergeOf('layers', [owner(1, 0, statistics(1, 3)), owner(2, 8, statistics(7, 1))], {
    rules: { 'dense1*': 'regmean', 'conv*': 'fisher' },
  })
  expect([...merged].map(([name, { data }]) => [name, ...data])).toEqual([
    ['conv1.bias', 2],
    ['dense1.weight', 7],
    ['dense2.weight', 4],
  ])
})

it('Cholesky’s decomposition solves, and gives 0 to an unknown that the matrix says nothing of', () => {
  const solve = (rows: number[][], b: number[], vanishing?: number) => {
    const triangle = rows.map((row) => Float64Array.from(row))
    for (const _ of decompose(triangle, vanishing));
    const x = Float64Array.from(b)
    substitute(triangle, x)
    return [...x]
  }
  // L = [[2], [1, 3], [0, 1, 1], [3, 2, 1, 2], [1, 0, 0, 0, 1]], L Lᵀ (1, -1, 2, 0, 3).
  const l = [[2], [1, 3], [0, 1, 1], [3, 2, 1, 2], [1, 0, 0, 0, 1]]
  const a = l.map((row, i) =>
    row.map((_, j) => l[j]!.reduce((sum, value, k) => sum + (row[k] ?? 0) * value, 0)).slice(0, i + 1),
  )
  const x = [1, -1, 2, 0, 3]
  const b = x.map((_, i) => x.reduce((sum, value, j) => sum + a[Math.max(i, j)]![Math.min(i, j)]! * value, 0))
  expect(solve(a, b)).toEqual(x.map((value) => expect.closeTo(value, 12)))
  expect(solve([[1], [1, 1], [0, 0, 4]], [2, 2, 8], 1e-15)).toEqual([2, 0, 2])
  expect(solve([[0], [0, 9]], [0, 18], 1e-15)).toEqual([0, 2])
})
