import { z } from 'zod'
import { ADVERSARIES } from './attack.ts'
import type { Audited, AuditRow } from './audit-run.ts'

/** What was found, as it is written (docs/formats.md). */
export const plainAudited = ({ rows, notMade }: Audited): object => ({
  rows: rows.map(plainRow),
  not_made: notMade.map(({ name, reason }) => ({ name, reason })),
})

function plainRow({ name, attack, needs, by, of, what, round, measures, verdict, images, shares, notes }: AuditRow) {
  const base64 = (pixels: Uint8Array) => Buffer.from(pixels).toString('base64')
  return {
    ...{ name, attack, by, of, needs, round, what, verdict },
    measures: measures.map(({ name, value, low = null, high = null, guess = null, best = null }) => {
      return { name, value, low, high, guess, best }
    }),
    notes: notes ?? [],
    shares: shares ?? null,
    images: images
      ? { ...images, pairs: images.pairs.map(({ real, found }) => ({ real: base64(real), found: base64(found) })) }
      : null,
  }
}

const count = z.int().min(1)
const maybe = z
  .number()
  .nullable()
  .transform((value) => value ?? undefined)
const pixels = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
const shares = z.array(z.number())

const Measure = z.object({ name: z.string(), value: z.number(), low: maybe, high: maybe, guess: maybe, best: maybe })
const Row = z.object({
  name: z.string(),
  attack: z.string(),
  by: z.enum(ADVERSARIES),
  of: z.string(),
  needs: z.string(),
  round: count,
  what: z.string(),
  verdict: z.string(),
  measures: z.tuple([Measure], Measure),
  notes: z.array(z.string()),
  shares: z.array(z.object({ of: z.string(), real: shares, found: shares })).nullable(),
  images: z
    .object({ rows: count, cols: count, pairs: z.array(z.object({ real: pixels, found: pixels })) })
    .refine(({ rows, cols, pairs }) => pairs.every((pair) => fits(pair.real, pair.found, rows * cols)), 'another size')
    .nullable(),
})

const fits = (real: Uint8Array, found: Uint8Array, size: number) => real.length === size && found.length === size

/** Reads what `plainAudited` makes. */
export const AUDITED = z
  .object({ rows: z.array(Row), not_made: z.array(z.object({ name: z.string(), reason: z.string() })) })
  .transform(({ rows, not_made }): Audited => ({ rows: rows.map(rowOf), notMade: not_made }))

const rowOf = ({ shares, images, ...row }: z.output<typeof Row>): AuditRow => ({
  ...row,
  ...(shares && { shares }),
  ...(images && { images }),
})
