import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MergeName } from '../../src/algorithm/merge/registry.ts'
import { mergeOf } from '../support/merging.ts'
import { bits } from '../support/numbers.ts'
import { owners } from '../support/owners.ts'
import { PLAIN_NAMES } from '../support/rule-cases.ts'

const means = ['avg', 'weighted-avg'] as const
/** Those that do not depend on the owners' order at all. */
const choices = ['max', 'absmax', 'absmax-literal', 'median', 'trimmed-mean'] as const

/** Any finite float32, the smallest, the largest and both zeros among them. */
const value = fc.float({ noNaN: true, noDefaultInfinity: true })
const row = fc.array(value, { minLength: 1, maxLength: 12 }).map((values) => Float32Array.from(values))
const images = fc.integer({ min: 1, max: 60_000 })
/** One to six owners with equally long rows. */
const federation = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }))
  .chain(([count, length]) =>
    fc.array(fc.tuple(fc.array(value, { minLength: length, maxLength: length }), images), {
      minLength: count,
      maxLength: count,
    }),
  )
  .map((all) =>
    owners(
      all.map(([values]) => values),
      all.map(([, count]) => count),
    ),
  )
const result = (name: MergeName, all: ReturnType<typeof owners>) => mergeOf(name, all).get('w')!.data

describe.each(PLAIN_NAMES)('%s', (name) => {
  it('changes no input and shares no memory with one', () => {
    fc.assert(
      fc.property(federation, (all) => {
        const before = all.map(({ weights }) => bits(weights.get('w')!.data))
        const out = result(name, all)
        for (const { weights } of all) expect(out.buffer).not.toBe(weights.get('w')!.data.buffer)
        out.fill(123)
        expect(all.map(({ weights }) => bits(weights.get('w')!.data))).toEqual(before)
      }),
    )
  })

  it('of one owner is that owner’s weights, bit for bit', () => {
    fc.assert(
      fc.property(row, images, (values, count) => {
        const expected = name === 'absmax-literal' ? values.map(Math.abs) : values
        expect(bits(result(name, owners([values], [count])))).toEqual(bits(expected))
      }),
    )
  })

  it('of equal weights is those weights, bit for bit', () => {
    fc.assert(
      fc.property(row, fc.array(images, { minLength: 1, maxLength: 10 }), (values, counts) => {
        const expected = name === 'absmax-literal' ? values.map(Math.abs) : values
        const all = owners(
          counts.map(() => values),
          counts,
        )
        expect(bits(result(name, all))).toEqual(bits(expected))
      }),
    )
  })

  it('lies within the owners’ values', () => {
    fc.assert(
      fc.property(federation, (all) => {
        const rows = all.map(({ weights }) => weights.get('w')!.data)
        for (const [i, out] of result(name, all).entries()) {
          const values = rows.map((values) => (name === 'absmax-literal' ? Math.abs(values[i]!) : values[i]!))
          expect(out).toBeGreaterThanOrEqual(Math.min(...values))
          expect(out).toBeLessThanOrEqual(Math.max(...values))
        }
      }),
    )
  })
})

const shuffled = federation.chain((all) =>
  fc.shuffledSubarray(all, { minLength: all.length }).map((other) => [all, other] as const),
)

describe('the owners’ order', () => {
  it.each(choices)('does not matter to %s', (name) => {
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        // 0 and -0 are one value here: + 0 makes them one pattern.
        const values = (of: typeof all) => Array.from(result(name, of), (x) => x + 0)
        expect(values(other)).toEqual(values(all))
      }),
    )
  })

  it.each(means)('matters to %s by no more than the last bit', (name) => {
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        const rows = all.map(({ weights }) => weights.get('w')!.data)
        const [a, b] = [result(name, all), result(name, other)]
        for (const [i, x] of a.entries()) {
          const largest = Math.max(...rows.map((values) => Math.abs(values[i]!)))
          // One unit in the last place of the result, and what double precision loses when large values cancel.
          const bound = Math.max(2 ** -149, 2 ** -23 * Math.abs(x)) + 2 ** -50 * largest
          expect(Math.abs(x - b[i]!)).toBeLessThanOrEqual(bound)
        }
      }),
    )
  })
})

describe('the rules among themselves', () => {
  it('weighted-avg with equally many images is avg, bit for bit', () => {
    fc.assert(
      fc.property(federation, fc.constantFrom(1, 2, 1024, 16_384), (all, count) => {
        const equal = all.map((owner) => ({ ...owner, trainImages: count }))
        expect(bits(result('weighted-avg', equal))).toEqual(bits(result('avg', equal)))
      }),
    )
  })

  it('absmax-literal is the magnitude of absmax', () => {
    fc.assert(
      fc.property(federation, (all) => {
        expect(result('absmax', all).map(Math.abs)).toEqual(result('absmax-literal', all))
      }),
    )
  })
})

describe('robust rules', () => {
  it.each(['median', 'trimmed-mean'] as const)('%s stays among the honest owners, whatever one other sends', (name) => {
    const honest = fc.array(fc.array(value, { minLength: 3, maxLength: 3 }), { minLength: 4, maxLength: 12 })
    fc.assert(
      fc.property(honest, fc.array(value, { minLength: 3, maxLength: 3 }), fc.nat(), (rows, outlier, at) => {
        const all = owners(rows.toSpliced(at % (rows.length + 1), 0, outlier))
        const options = name === 'trimmed-mean' ? { beta: 0.2 } : undefined
        for (const [i, out] of mergeOf(name, all, options).get('w')!.data.entries()) {
          const values = rows.map((row) => row[i]!)
          expect(out).toBeGreaterThanOrEqual(Math.min(...values))
          expect(out).toBeLessThanOrEqual(Math.max(...values))
        }
      }),
    )
  })
})
