import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { MERGE_NAMES, MERGE_RULES } from '../../src/algorithm/merge/registry.ts'
import { startFold } from '../../src/algorithm/merge/rule.ts'
import { simdWorkspace } from '../../src/weights/simd/kernels.ts'
import { BLOCK, plainWorkspace, type SweepName, type Workspace } from '../../src/weights/simd/sweeps.ts'
import { noise, patterns } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'

const names = Object.keys(plainWorkspace().sweeps) as SweepName[]
const NUMBERS = [0, 1, 1.5, 2 ** -126, 2 ** -149, 3.4028235e38, Number.POSITIVE_INFINITY]
const SPECIAL = [...NUMBERS, ...NUMBERS.map((value) => -value), Number.NaN]
const float = fc.oneof(fc.float(), fc.constantFrom(...SPECIAL))
const double = fc.oneof(fc.double(), fc.constantFrom(...SPECIAL, 2 ** -1074, 1e300, 1 / 3))
const block = fc.integer({ min: 1, max: 70 }).chain((length) => {
  const row = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: length, maxLength: length })
  return fc.record({ values: row(float), held: row(float), sums: row(double) })
})
const factor = fc.oneof(fc.nat({ max: 60_000 }), double)

describe.each(names)('%s', (name) => {
  const [simd, plain] = [simdWorkspace(), plainWorkspace()]

  it('is the same in WebAssembly as it is defined, bit for bit', () => {
    fc.assert(
      fc.property(block, factor, factor, factor, ({ values, held, sums }, ...factors) => {
        const ran = (workspace: Workspace) => {
          workspace.values.set(values)
          if (sumsAreHeld(name)) workspace.heldSums.set(sums)
          else workspace.heldValues.set(held)
          workspace.result.fill(0)
          workspace.sweeps[name](4 * values.length, ...factors)
          const { heldSums, heldValues, result } = workspace
          const parts = [result, sumsAreHeld(name) ? heldSums : heldValues]
          return parts.map((part) => patterns(part.subarray(0, values.length)))
        }
        expect(ran(simd)).toEqual(ran(plain))
      }),
      { numRuns: 500 },
    )
  })
})

const sumsAreHeld = (name: SweepName) =>
  ['start', 'add', 'divide', 'multiply', 'addDivide', 'addMultiply'].includes(name)

/** The rules as they are where the system gives WebAssembly no memory. */
async function rulesWithoutWebAssembly(): Promise<typeof MERGE_RULES> {
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
    const { MERGE_RULES: rules } = await import('../../src/algorithm/merge/registry.ts')
    expect(tried).toBe(0)
    rules.avg.merge(owners([[1]]))
    expect(tried).toBe(1)
    return rules
  } finally {
    vi.unstubAllGlobals()
  }
}

describe('without WebAssembly', async () => {
  const rules = await rulesWithoutWebAssembly()
  const row = (length: number) => fc.array(float, { minLength: length, maxLength: length })
  const federation = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 }))
    .chain(([count, length]) =>
      fc.array(fc.tuple(row(length), fc.nat({ max: 60_000 })), { minLength: count, maxLength: count }),
    )

  it.each(MERGE_NAMES)('%s merges and folds to the same bits', (name) => {
    const all = (rule: (typeof MERGE_RULES)[typeof name], of: ReturnType<typeof owners>) => {
      const fold = startFold(rule)
      for (const owner of of) fold.add(owner)
      return [rule.merge(of), fold.finish()].map((weights) => patterns(weights.get('w')!.data))
    }
    fc.assert(
      fc.property(federation, (rows) => {
        const of = owners(
          rows.map(([values]) => values),
          rows.map(([, images]) => images),
        )
        expect(all(rules[name], of)).toEqual(all(MERGE_RULES[name], of))
      }),
      { numRuns: 200 },
    )
    const long = owners(
      [1, 2, 3].map((seed) => noise(2 * BLOCK + 7, seed)),
      [3, 1, 7],
    )
    expect(all(rules[name], long)).toEqual(all(MERGE_RULES[name], long))
  })
})
