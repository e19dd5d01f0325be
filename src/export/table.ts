import { sheet } from '../csv.ts'
import type { ExportedRun, Point } from './points.ts'

/** A column of the tidy table: text, or numbers of one kind. */
export interface Column {
  readonly name: string
  readonly type: 'text' | 'integer' | 'number'
  readonly data: readonly (string | number | null)[]
}

/**
 * One row a figure. The keys in which the runs differ are in columns `config.<key>`, so that none is taken for another
 * (docs/formats.md).
 */
export function tidyColumns(runs: readonly ExportedRun[]): Column[] {
  type Of = (point: Point, run: ExportedRun) => string | number | null
  const column = (name: string, type: Column['type'], of: Of): Column => ({
    name,
    type,
    data: runs.flatMap((run) => run.points.map((point) => of(point, run))),
  })
  const keys = Object.keys(runs[0]?.varying ?? {})
  return [
    column('run', 'text', (_, { id }) => id),
    column('name', 'text', (_, { name }) => name),
    column('seed', 'integer', (_, { seed }) => seed),
    ...keys.map((key) => column(`config.${key}`, 'text', (_, { varying }) => varying[key]!)),
    column('round', 'integer', ({ round }) => round),
    column('merge', 'text', ({ merge }) => merge),
    column('owner', 'integer', ({ owner }) => owner),
    column('metric', 'text', ({ metric }) => metric),
    column('value', 'number', ({ value }) => value),
  ]
}

/** Rows. */
const PIECE = 10_000

/** The table as CSV; a cell that does not apply is empty. */
export function tidyCsv(runs: readonly ExportedRun[]): string {
  const columns = tidyColumns(runs)
  const text = [sheet([columns.map(({ name }) => name)])]
  // By pieces: what the library holds of all rows at once is many times the text.
  for (let from = 0; from < columns[0]!.data.length; from += PIECE) {
    const [first, ...others] = columns.map(({ data }) => data.slice(from, from + PIECE))
    text.push(sheet(first!.map((cell, i) => [cell, ...others.map((column) => column[i] ?? null)])))
  }
  return text.join('')
}
