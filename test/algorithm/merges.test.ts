import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { ACCELERATED, GROUP } from '../../src/algorithm/merge/accelerated.ts'
import { MERGE_NAMES, MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { startMerge } from '../../src/algorithm/merge/start-merge.ts'
import { withDefaults } from '../../src/parts.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import { BLOCK } from '../../src/weights/simd/kernels.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { defined, mergeOf } from '../support/merging.ts'
import { noise, patterns } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'
import { caseOf, withStatistics } from '../support/rule-cases.ts'

const accelerated = Object.keys(ACCELERATED) as MergeName[]

const NUMBERS = [0, 1, 1.5, 2, 2 ** -126, 2 ** -149, 3.4028235e38, Number.POSITIVE_INFINITY]
/** Everything a float can be, and often a value that owners agree in, to the sign. */
const value = fc.oneof(fc.float(), fc.constantFrom(...NUMBERS, ...NUMBERS.map((number) => -number), Number.NaN))
const images = fc.oneof(fc.nat({ max: 60_000 }), fc.constantFrom(1, 2, 1024))
const federation = fc.tuple(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 40 })).chain(([count, length]) =>
  fc
    .array(fc.tuple(fc.array(value, { minLength: length, maxLength: length }), images), {
      minLength: count,
      maxLength: count,
    })
    .map((all) =>
      owners(
        all.map(([row]) => row),
        all.map(([, count]) => count),
      ),
    ),
)

const start = (name: MergeName, pool = new WeightPool(), base?: Weights) =>
  startMerge({ [name]: caseOf(name).options ?? {} }, { pool, round: 1, base })
const addedUp = (name: MergeName, all: readonly OwnerWeights[], pool: WeightPool, base: Weights) => {
  const merge = start(name, pool, base)
  for (const owner of all) merge.add(owner)
  return merge.finish()
}

describe.each(accelerated)('%s, accelerated', (name) => {
  it('has no options, which it could not heed', () => {
    expect(withDefaults<object>(MERGE_RULES[name])).toEqual({})
  })

  it('is its definition, bit for bit', () => {
    fc.assert(
      fc.property(federation, (all) => {
        expect(patterns(mergeOf(name, all).get('w')!.data)).toEqual(patterns(defined(name, all)))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([1, 3, 4, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])('of tensors of %i weights', (length) => {
    for (const count of [1, 2, 3, 4, 9]) {
      const rows = Array.from({ length: count }, (_, seed) => noise(length, seed))
      const all = owners(rows, [3, 1, 7, 60_000, 2, 2, 9, 1, 4].slice(0, count))
      expect(patterns(mergeOf(name, all).get('w')!.data)).toEqual(patterns(defined(name, all)))
    }
  })
})

/** What the rules made of these owners before they had a definition in plain code, in version 0.4.0. */
const DIGESTS: Partial<Record<MergeName, readonly string[]>> = {
  avg: ['e7724bdaababc615', '283b44fdb3101969', 'c954ffcb3427b745', 'e85cd1e890c4a36a'],
  max: ['e7724bdaababc615', '263c6e60f079ed04', 'a9dd0fada03c0a2a', '2c262fa99c318645'],
  absmax: ['e7724bdaababc615', '6c34ee81877b3116', '46b1e0316c034c0a', 'd087f62905f8cf09'],
  'absmax-literal': ['132ffbd94275dc24', 'a095b4a1780b0fc2', '4b303d3bb579f94a', '7d0feeb649e9e4cc'],
  'weighted-avg': ['e7724bdaababc615', '31fd2b7b51d5c35e', '53aa05321fca7ac2', '591c0605ac94d1f1'],
}

it.each(Object.entries(DIGESTS))('%s makes the models of version 0.4.0', (name, digests) => {
  const rows = [1, 2, 3, 4, 5].map((owner) => {
    const row = noise(20_000, owner)
    for (let i = 0; i < row.length; i += 7) row[i] = [0, -0, 0.5, -0.5, 2 ** -149, -3e38, 1e30][(i + owner) % 7]!
    return row
  })
  const all = owners(rows, [3, 1, 60_000, 7, 12])
  const digest = (values: Float32Array) =>
    createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex').slice(0, 16)
  const made = [1, 2, 3, 5].map((count) => all.slice(0, count))
  expect(made.map((some) => digest(mergeOf(name as MergeName, some).get('w')!.data))).toEqual(digests)
  expect(made.map((some) => digest(defined(name as MergeName, some)))).toEqual(digests)
})

describe.each(MERGE_NAMES)('%s', (name) => {
  const tensors = (seed: number): Weights =>
    new Map([
      ['a', { shape: [2, 3], data: noise(6, seed) }],
      ['none', { shape: [0], data: new Float32Array() }],
      ['b', { shape: [BLOCK + 2], data: noise(BLOCK + 2, seed + 100) }],
    ])
  const { options, owners: count = 5 } = caseOf(name)
  const base = tensors(50)
  // The rows of `a` are those of two classes.
  const plain = Array.from({ length: count }, (_, i) => i + 1).map((owner) => ({
    owner,
    trainImages: owner,
    steps: owner,
    trainLabels: [owner - 1, 1],
    weights: tensors(owner),
  }))
  const all = withStatistics(name, plain)
  const expectedOf = (some: readonly OwnerWeights[]) => [...mergeOf(name, some, options, base)]

  it('makes several merges at once without mixing them, of owners with several tensors', () => {
    const turned = all.toReversed()
    const pool = new WeightPool()
    const [one, other] = [start(name, pool, base), start(name, pool, base)]
    for (let i = 0; i < all.length; i++) {
      one.add(all[i]!)
      other.add(turned[i]!)
    }
    expect([...one.finish()]).toEqual(expectedOf(all))
    expect([...other.finish()]).toEqual(expectedOf(turned))
  })

  it('makes its result in memory that was released, whatever is in it', () => {
    const pool = new WeightPool()
    const expected = expectedOf(all)
    const first = addedUp(name, all, pool, base)
    expect([...first]).toEqual(expected)
    const memory = first.get('b')!.data
    const second = addedUp(name, all, pool, base)
    expect(second.get('b')!.data).not.toBe(memory)
    memory.fill(99)
    pool.releaseAll(first)
    const third = addedUp(name, all, pool, base)
    expect(third.get('b')!.data).toBe(memory)
    expect([...third]).toEqual(expected)
    expect([...second]).toEqual(expected)
  })

  it('takes no more memory the longer it goes on', () => {
    const pool = new WeightPool()
    const [floats, doubles] = [vi.spyOn(pool, 'floats'), vi.spyOn(pool, 'doubles')]
    for (let round = 0; round < 5; round++) pool.releaseAll(addedUp(name, all, pool, base))
    const places = [floats, doubles].map(({ mock }) => new Set(mock.results.map(({ value }) => value)).size)
    expect(places[0]).toBeLessThanOrEqual(6)
    expect(places[1]).toBeLessThanOrEqual(3)
  })

  it('is over once it has finished', () => {
    const merge = start(name, new WeightPool(), base)
    for (const owner of all) merge.add(owner)
    merge.finish()
    expect(() => merge.finish()).toThrow('there are no owners to merge')
  })

  it('refuses an owner that is unlike the first, and to merge nobody', () => {
    const merge = start(name, new WeightPool(), base)
    expect(() => merge.finish()).toThrow('there are no owners to merge')
    const [one, two] = owners([[1], [2, 3]]) as [OwnerWeights, OwnerWeights]
    merge.add(one)
    expect(() => merge.add(two)).toThrow('owner 2: w is [2], not [1]')
    expect(() => merge.add({ ...two, weights: new Map() })).toThrow('owner 2: w is missing')
  })
})

describe.each(accelerated)('%s', (name) => {
  it('needs no more than the last group of owners, however many there are', () => {
    const all = Array.from({ length: 9 }, (_, i) => owners([[i % 4, -i, 3]])[0]!)
    const expected = patterns(defined(name, all))
    const merge = start(name)
    for (const [i, owner] of all.entries()) {
      merge.add(owner)
      if (i >= GROUP) all[i - GROUP]!.weights.get('w')!.data.fill(99)
    }
    expect(patterns(merge.finish().get('w')!.data)).toEqual(expected)
  })
})

/** `startMerge` as it is if the system gives WebAssembly no memory. */
async function startWithoutWebAssembly(): Promise<typeof startMerge> {
  let tried = 0
  class Instance {
    constructor() {
      tried += 1
      throw new RangeError('WebAssembly.Instance(): Out of memory')
    }
  }
  vi.resetModules()
  vi.stubGlobal('WebAssembly', { Module: class {}, Instance })
  try {
    const { startMerge: without } = await import('../../src/algorithm/merge/start-merge.ts')
    expect(tried).toBe(0)
    for (let i = 0; i < 2; i++) without('avg', { pool: new WeightPool(), round: 1 })
    expect(tried).toBe(1)
    return without
  } finally {
    vi.unstubAllGlobals()
  }
}

describe('without WebAssembly', async () => {
  const without = await startWithoutWebAssembly()

  it.each(accelerated)('%s makes the same model, by its definition', (name) => {
    const rows = [1, 2, 3].map((seed) => noise(2 * BLOCK + 7, seed))
    const all = owners(rows, [3, 1, 7])
    const merge = without(name, { pool: new WeightPool(), round: 1 })
    for (const owner of all) merge.add(owner)
    expect([...merge.finish()]).toEqual([...mergeOf(name, all)])
  })
})
