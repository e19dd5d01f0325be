import { z } from 'zod'
import { METHODS } from './contributions.ts'
import type { RecordedScore, Remerged } from './remerge-run.ts'

/** What was remerged, as it is written (docs/formats.md). */
export function plainRemerged({ driver, without, rows, notes }: Remerged): object {
  return { driver, without, rows: rows.map(plainRow), notes }
}

const plainRow = ({ round, rule, name, contributions, ...row }: RecordedScore) => ({
  round,
  rule,
  name,
  accuracy: row.accuracy ?? null,
  loss: row.loss ?? null,
  delta_points: row.delta ?? null,
  distance: row.distance ?? null,
  accuracy_in_run: row.recorded ?? null,
  reason: row.reason ?? null,
  no_contributions: row.withoutContributions ?? null,
  contributions: contributions.map(({ method, owner, without: others, points }) => {
    return { method, owner, accuracy_without: others ?? null, points }
  }),
})

const count = z.int().min(0)
const fraction = z.number().min(0).max(1)
const maybe = <T extends z.ZodType>(type: T) => type.nullable().transform((value) => value ?? undefined)

const Row = z.object({
  round: z.int().min(1),
  rule: z.string(),
  name: z.string(),
  accuracy: maybe(fraction),
  loss: maybe(z.number()),
  delta_points: maybe(z.number()),
  distance: maybe(z.number()),
  accuracy_in_run: maybe(fraction),
  reason: maybe(z.string()),
  no_contributions: maybe(z.string()),
  contributions: z.array(
    z.object({ method: z.enum(METHODS), owner: count, accuracy_without: maybe(fraction), points: z.number() }),
  ),
})

const Table = z.object({
  driver: z.string(),
  without: z.array(count),
  rows: z.array(Row.transform(rowOf)),
  notes: z.array(z.string()),
})

/** Several of them, as remerge.json holds them. */
export const plainTables = (tables: readonly Remerged[]): object => ({ tables: tables.map(plainRemerged) })

/** Reads what `plainTables` makes. */
export const TABLES = z.object({ tables: z.array(Table) }).transform(({ tables }): readonly Remerged[] => tables)

function rowOf({ round, rule, name, accuracy, loss, contributions, ...row }: z.infer<typeof Row>): RecordedScore {
  return {
    round,
    rule,
    name,
    ...(accuracy !== undefined && { accuracy }),
    ...(loss !== undefined && { loss }),
    delta: row.delta_points,
    distance: row.distance,
    recorded: row.accuracy_in_run,
    ...(row.reason !== undefined && { reason: row.reason }),
    ...(row.no_contributions !== undefined && { withoutContributions: row.no_contributions }),
    contributions: contributions.map(({ method, owner, accuracy_without, points }) => {
      return { method, owner, without: accuracy_without, points }
    }),
  }
}
