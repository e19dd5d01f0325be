import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { FedunifyError, messageOf } from '../../errors.ts'
import { readIfThere } from '../../system/files.ts'
import {
  LOCAL_COLUMNS,
  localTable,
  paperTable,
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

/** The bytes that count of a file, from its start, and how many these may be. */
interface Part {
  readonly size?: number | undefined
  readonly most: number
}

/** Bytes of a table: some million rows. */
export const MAX_TABLE = 2 ** 28

export interface Tables {
  readonly local: readonly LocalRow[]
  readonly unified: readonly UnifiedRow[]
  /** table.csv as it stands: its head, then its rows. */
  readonly table: readonly (readonly string[])[]
  /** Undefined if the run has none, as those of before 0.5.0. */
  readonly traffic: readonly TrafficRow[] | undefined
}

/**
 * The CSVs of a run folder.
 * @param there those that it has, of which traffic.csv alone may be missing
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
  const table = await readCsv(...of(paperTable))
  const traffic = there.has(trafficTable.file)
    ? await readRows<TrafficRow>(...of(trafficTable), TRAFFIC_COLUMNS)
    : undefined
  return { local, unified, table, traffic }
}

interface Cells {
  /** Columns that are no numbers. */
  readonly texts?: readonly string[]
  /** Columns that may have empty cells, which are undefined. */
  readonly empty?: readonly string[]
}

const LOCAL_CELLS: Cells = { empty: ['train_loss', 'local_accuracy', 'copied_accuracy'] }

const UNIFIED_CELLS: Cells = { texts: ['merge'], empty: ['accuracy', 'loss'] }

/** Rows of the columns asked for, all of which must be there; all are numbers unless it is said otherwise. */
export async function readRows<Row>(
  file: string,
  part: Part,
  columns: readonly string[],
  cells: Cells = {},
): Promise<Row[]> {
  return rowsOf(file, await readCsv(file, part), columns, cells)
}

/** The rows of unified.csv. @throws FedunifyError (data) naming file and line */
export const parseUnified = (file: string, content: Buffer): UnifiedRow[] =>
  rowsOf(file, parseCsv(file, content), UNIFIED_COLUMNS, UNIFIED_CELLS)

function rowsOf<Row>(
  file: string,
  [head = [], ...rows]: readonly (readonly string[])[],
  columns: readonly string[],
  { texts = [], empty = [] }: Cells,
): Row[] {
  const missing = columns.filter((column) => !head.includes(column))
  if (missing.length > 0) {
    throw new FedunifyError(
      'E_RUN_DAMAGED',
      `${file}: has no column ${missing.join(', ')}`,
      `its columns are ${head.join(', ')}`,
    )
  }
  const kinds = columns.map((column) => {
    return { column, at: head.indexOf(column), isText: texts.includes(column), mayBeEmpty: empty.includes(column) }
  })
  return rows.map((row, i) => {
    const made: Record<string, unknown> = {}
    for (const { column, at, isText, mayBeEmpty } of kinds) {
      const cell = row[at]!
      if (isText) made[column] = cell
      else if (cell === '' && mayBeEmpty) made[column] = undefined
      else made[column] = toNumber(cell, file, i + 2, column)
    }
    return made as Row
  })
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

async function readCsv(file: string, part: Part): Promise<string[][]> {
  const content = await readIfThere(file, part)
  if (!content) throw new FedunifyError('E_FILE_MISSING', `${file}: no such file`)
  return parseCsv(file, content)
}

function parseCsv(file: string, content: Buffer): string[][] {
  try {
    return parse(content, { bom: true }) as string[][]
  } catch (error) {
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: ${messageOf(error)}`, 'the file was edited or cut short')
  }
}
