import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { FedunifyError, messageOf } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import {
  LOCAL_COLUMNS,
  localTable,
  PRIVACY_COLUMNS,
  paperTable,
  privacyTable,
  type Table,
  TRAFFIC_COLUMNS,
  trafficTable,
  UNIFIED_COLUMNS,
  unifiedTable,
} from '../tables.ts'

export interface LocalRow {
  readonly round: number
  readonly owner: number
  readonly epochs: number
  readonly train_images: number
  /** This and the accuracies are undefined if the owner shares no metrics. */
  readonly train_loss: number | undefined
  /** Fractions. */
  readonly local_accuracy: number | undefined
  readonly copied_accuracy: number | undefined
}

export interface UnifiedRow {
  readonly round: number
  /** A merge rule, or `pooled` for the baseline. */
  readonly merge: string
  /** Participants. */
  readonly owners: number
  /** A fraction; this and the loss are undefined if no owner shares its metrics. */
  readonly accuracy: number | undefined
  readonly loss: number | undefined
}

export interface TrafficRow {
  readonly round: number
  readonly owner: number
  readonly down_bytes: number
  readonly up_bytes: number
}

export interface PrivacyRow {
  readonly round: number
  readonly level: string
  /** In units of the clipping norm. */
  readonly noise: number
  readonly clip: number
  /** Spent so far; undefined without noise. */
  readonly epsilon: number | undefined
  readonly delta: number
}

/** A row with its line in the file. */
export type Lined<Row> = Row & { readonly line: number }

/** The bytes that count of a file, from its start, and how many these may be. */
interface Part {
  readonly size?: number | undefined
  readonly most: number
}

/** Bytes of a table: some million rows. */
export const MAX_TABLE = 2 ** 28

export interface Tables {
  readonly local: readonly Lined<LocalRow>[]
  readonly unified: readonly Lined<UnifiedRow>[]
  /** table.csv as it stands: its head, then its rows. */
  readonly table: readonly (readonly string[])[]
  /** Undefined if the run has none, as those of before 0.5.0. */
  readonly traffic: readonly Lined<TrafficRow>[] | undefined
  /** Undefined if the run adds no noise. */
  readonly privacy: readonly Lined<PrivacyRow>[] | undefined
}

/**
 * The CSVs of a run folder.
 * @param there those that it has, of which traffic.csv and privacy.csv may be missing
 * @param sizes bytes that count of each, from its start; all if none are given
 * @throws FedunifyError (data) naming file and line if one is missing, torn or has other columns
 */
export async function readTables(
  dir: string,
  there: ReadonlySet<string>,
  sizes: Readonly<Record<string, number>> = {},
): Promise<Tables> {
  const of = ({ file }: Table) => [join(dir, file), { size: sizes[file], most: MAX_TABLE }] as const
  // One after another: of many owners and rounds, the text of one is much.
  const local = await readRows<LocalRow>(...of(localTable), LOCAL_COLUMNS, LOCAL_CELLS)
  const unified = await readRows<UnifiedRow>(...of(unifiedTable), UNIFIED_COLUMNS, UNIFIED_CELLS)
  const table = parseCsv(join(dir, paperTable.file), await contentOf(...of(paperTable)), (cells) => cells)
  const traffic = there.has(trafficTable.file)
    ? await readRows<TrafficRow>(...of(trafficTable), TRAFFIC_COLUMNS)
    : undefined
  const privacy = there.has(privacyTable.file)
    ? await readRows<PrivacyRow>(...of(privacyTable), PRIVACY_COLUMNS, PRIVACY_CELLS)
    : undefined
  return { local, unified, table, traffic, privacy }
}

interface Cells {
  /** Columns that are no numbers. */
  readonly texts?: readonly string[]
  /** Columns that may have empty cells, which are undefined. */
  readonly empty?: readonly string[]
}

const LOCAL_CELLS: Cells = { empty: ['train_loss', 'local_accuracy', 'copied_accuracy'] }

const UNIFIED_CELLS: Cells = { texts: ['merge'], empty: ['accuracy', 'loss'] }

const PRIVACY_CELLS: Cells = { texts: ['level'], empty: ['epsilon'] }

/**
 * Rows of the columns asked for, all of which must be there; all are numbers unless it is said otherwise. Each row knows
 * its line.
 */
export async function readRows<Row>(
  file: string,
  part: Part,
  columns: readonly string[],
  cells: Cells = {},
): Promise<Lined<Row>[]> {
  return rowsOf(file, await contentOf(file, part), columns, cells)
}

/** The rows of unified.csv. @throws FedunifyError (data) naming file and line */
export const parseUnified = (file: string, content: Buffer): Lined<UnifiedRow>[] =>
  rowsOf(file, content, UNIFIED_COLUMNS, UNIFIED_CELLS)

function rowsOf<Row>(
  file: string,
  content: Buffer,
  columns: readonly string[],
  { texts = [], empty = [] }: Cells,
): Lined<Row>[] {
  let kinds: { column: string; at: number; isText: boolean; mayBeEmpty: boolean }[] | undefined
  let line = 1
  // Each row as it is parsed: the cells of all of them would be several times the table.
  const rows = parseCsv(file, content, (cells) => {
    if (!kinds) {
      kinds = columnsOf(file, cells, columns).map(({ column, at }) => {
        return { column, at, isText: texts.includes(column), mayBeEmpty: empty.includes(column) }
      })
      return null
    }
    line += 1
    const row: Record<string, unknown> = {}
    for (const { column, at, isText, mayBeEmpty } of kinds) {
      const cell = cells[at]!
      if (isText) row[column] = cell
      else if (cell === '' && mayBeEmpty) row[column] = undefined
      else row[column] = toNumber(cell, file, line, column)
    }
    row.line = line
    return row as Lined<Row>
  })
  if (!kinds) columnsOf(file, [], columns)
  return rows
}

function columnsOf(file: string, head: readonly string[], columns: readonly string[]) {
  const missing = columns.filter((column) => !head.includes(column))
  if (missing.length === 0) return columns.map((column) => ({ column, at: head.indexOf(column) }))
  throw new FedunifyError(
    'E_RUN_DAMAGED',
    `${file}: has no column ${missing.join(', ')}`,
    `its columns are ${head.join(', ')}`,
  )
}

function toNumber(cell: string, file: string, line: number, column: string): number {
  const value = Number(cell)
  if (cell.trim() === '' || !Number.isFinite(value)) {
    throw new FedunifyError(
      'E_RUN_DAMAGED',
      `${file}:${line}: ${column}: expected a number, got "${cell.slice(0, 60)}"`,
      'the file was edited or cut short',
    )
  }
  return value
}

async function contentOf(file: string, part: Part): Promise<Buffer> {
  const content = await readIfThere(file, part)
  if (!content) throw new FedunifyError('E_FILE_MISSING', `${file}: no such file`)
  return content
}

/** @param take makes of a record's cells what is kept of it; null for nothing */
function parseCsv<Kept>(file: string, content: Buffer, take: (cells: readonly string[]) => Kept | null): Kept[] {
  const kept: Kept[] = []
  try {
    parse(content, {
      bom: true,
      on_record: (cells: string[]) => {
        const one = take(cells)
        if (one !== null) kept.push(one)
        return null
      },
    })
    return kept
  } catch (error) {
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: ${messageOf(error)}`, 'the file was edited or cut short')
  }
}
