import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MERGE_NAMES, MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import { type OwnerWeights, startFold, type WholeRule } from '../../src/algorithm/merge/rule.ts'
import { BLOCK } from '../../src/weights/simd/sweeps.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { plainMerge } from '../support/merging.ts'
import { noise, patterns } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

function folded(name: MergeName, all: readonly OwnerWeights[]): Weights {
  const fold = startFold(MERGE_RULES[name])
  for (const owner of all) fold.add(owner)
  return fold.finish()
}

/** Everything a float can be, and few enough values that owners agree in many, to the sign. */
const value = fc.oneof(
  fc.float(),
  fc.constantFrom(0, -0, 1, -1, 2, -2, Number.NaN, Number.POSITIVE_INFINITY, -Infinity),
)
const federation = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 9 }))
  .chain(([count, length]) =>
    fc.array(fc.tuple(fc.array(value, { minLength: length, maxLength: length }), fc.nat({ max: 60_000 })), {
      minLength: count,
      maxLength: count,
    }),
  )
  .map((all) =>
    owners(
      all.map(([row]) => row),
      all.map(([, images]) => images),
    ),
  )

describe.each(MERGE_NAMES)('%s', (name) => {
  it('is the rule as it is written, and folding is merging, bit for bit', () => {
    fc.assert(
      fc.property(federation, (all) => {
        const expected = patterns(plainMerge(name, all))
        expect(patterns(MERGE_RULES[name].merge(all).get('w')!.data)).toEqual(expected)
        expect(patterns(folded(name, all).get('w')!.data)).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it.each([1, 3, 4, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])('of tensors of %i weights', (length) => {
    const rows = [1, 2, 3].map((seed) => noise(length, seed))
    const all = owners(rows, [3, 1, 7])
    const expected = patterns(plainMerge(name, all))
    expect(patterns(MERGE_RULES[name].merge(all).get('w')!.data)).toEqual(expected)
    expect(patterns(folded(name, all).get('w')!.data)).toEqual(expected)
  })

  it('folds several merges at once without mixing them, and owners with several tensors', () => {
    const tensors = (seed: number): Weights =>
      new Map([
        ['a', { shape: [2, 3], data: noise(6, seed) }],
        ['none', { shape: [0], data: new Float32Array() }],
        ['b', { shape: [BLOCK + 2], data: noise(BLOCK + 2, seed + 100) }],
      ])
    const all = [1, 2, 3].map((owner) => ({ owner, trainImages: owner, weights: tensors(owner) }))
    const turned = all.toReversed()
    const [one, other] = [startFold(MERGE_RULES[name]), startFold(MERGE_RULES[name])]
    for (let i = 0; i < all.length; i++) {
      one.add(all[i]!)
      other.add(turned[i]!)
    }
    expect([...one.finish()]).toEqual([...MERGE_RULES[name].merge(all)])
    expect([...other.finish()]).toEqual([...MERGE_RULES[name].merge(turned)])
  })

  it('holds no owner: what becomes of weights that were added does not matter', () => {
    const all = owners([
      [1, -2, 3],
      [-4, 0.5, 3],
    ])
    const expected = [...MERGE_RULES[name].merge(all).get('w')!.data]
    const fold = startFold(MERGE_RULES[name])
    for (const owner of all) {
      fold.add(owner)
      owner.weights.get('w')!.data.fill(99)
    }
    expect([...fold.finish().get('w')!.data]).toEqual(expected)
  })

  it('makes its result in the memory that it is given, where that fits, to the same bits', () => {
    const tensors = (seed: number, length = BLOCK + 5): Weights =>
      new Map([
        ['a', { shape: [2, 3], data: noise(6, seed) }],
        ['b', { shape: [length], data: noise(length, seed + 100) }],
      ])
    const all = [1, 2, 3].map((owner) => ({ owner, trainImages: owner, weights: tensors(owner) }))
    const rule = MERGE_RULES[name]
    const expected = [...rule.merge(all)]
    for (const merge of [
      (into: Weights) => rule.merge(all, into),
      (into: Weights) => {
        const fold = startFold(rule, into)
        for (const owner of all) fold.add(owner)
        return fold.finish()
      },
    ]) {
      const into = tensors(9, BLOCK)
      const merged = merge(into)
      expect([...merged]).toEqual(expected)
      expect(merged).not.toBe(into)
      expect(merged.get('a')!.data).toBe(into.get('a')!.data)
      expect(merged.get('b')!.data).not.toBe(into.get('b')!.data)
      expect([...merge(merged)]).toEqual(expected)
    }
  })

  it('is over once it has finished', () => {
    const fold = startFold(MERGE_RULES[name])
    for (const owner of owners([[1], [2]])) fold.add(owner)
    fold.finish()
    expect(() => fold.finish()).toThrow('there are no owners to merge')
  })

  it('refuses an owner that is unlike the first, and to merge nobody', () => {
    const fold = startFold(MERGE_RULES[name])
    expect(() => fold.finish()).toThrow('there are no owners to merge')
    const [one, two] = owners([[1], [2, 3]]) as [OwnerWeights, OwnerWeights]
    fold.add(one)
    expect(() => fold.add(two)).toThrow('owner 2: w is [2], not [1]')
    expect(() => fold.add({ ...two, weights: new Map() })).toThrow('owner 2: w is missing')
  })
})

it('a rule that needs all owners is given them all, in their order', () => {
  const last: WholeRule = {
    name: 'last',
    summary: 'the last owner’s weights',
    source: 'none',
    streaming: false,
    merge: (all) => all.at(-1)!.weights,
  }
  const fold = startFold(last)
  const all = owners([[1], [2], [3]])
  for (const owner of all) fold.add(owner)
  expect(fold.finish()).toBe(all[2]!.weights)
})
