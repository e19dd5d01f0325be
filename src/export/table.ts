import { stringify } from 'csv-stringify/sync'
import type { ExportedRun } from './points.ts'

/** A column of the tidy table: text, or numbers of one kind. */
export interface Column {
  readonly name: string
  readonly type: 'text' | 'integer' | 'number'
  readonly data: readonly (string | number | null)[]
}

/**
 * One row a figure. The keys in which the runs differ stand in columns `config.<key>`, so that none is taken for another
 * (docs/formats.md).
 */
export function tidyColumns(runs: readonly ExportedRun[]): Column[] {
  const rows = runs.flatMap((exported) => exported.points.map((point) => ({ ...exported, point })))
  type Row = (typeof rows)[number]
  const column = (name: string, type: Column['type'], of: (row: Row) => string | number | null): Column => ({
    name,
    type,
    data: rows.map(of),
  })
  const keys = Object.keys(runs[0]?.varying ?? {})
  return [
    column('run', 'text', ({ id }) => id),
    column('name', 'text', ({ name }) => name),
    column('seed', 'integer', ({ seed }) => seed),
    ...keys.map((key) => column(`config.${key}`, 'text', ({ varying }) => varying[key]!)),
    column('round', 'integer', ({ point }) => point.round),
    column('merge', 'text', ({ point }) => point.merge),
    column('owner', 'integer', ({ point }) => point.owner),
    column('metric', 'text', ({ point }) => point.metric),
    column('value', 'number', ({ point }) => point.value),
  ]
}

/** The table as CSV; a cell that does not apply is empty. */
export function tidyCsv(runs: readonly ExportedRun[]): string {
  const columns = tidyColumns(runs)
  const rows = columns[0]!.data.map((_, i) => columns.map(({ data }) => data[i]))
  return stringify([columns.map(({ name }) => name), ...rows], { escape_formulas: true })
}
