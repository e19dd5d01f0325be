import { sheet } from '../../csv.ts'
import { counted, dataSize, significant, thousands } from '../../format.ts'
import type { Inspection } from '../../offline/inspect/inspect.ts'
import type { Statistics } from '../../offline/inspect/statistics.ts'
import { VERSION } from '../../package.ts'
import { oneLine } from '../../visible.ts'
import { markdownTable } from '../markdown-table.ts'
import { type Column, fitted, rowsOf, titlesOf } from './fit.ts'
import { wrap } from './wrap.ts'

/** Every form in which a model is listed, by the name that `--format` takes. */
export const INSPECTION_FORMATS = { terminal, markdown, csv, json } satisfies Record<
  string,
  (inspection: Inspection, width?: number) => string
>

function terminal(inspection: Inspection, width?: number): string {
  const { text, missing } = fitted(columnsOf(inspection), width)
  const left = missing.length > 0 ? [`left out: ${missing.join(', ')}`] : []
  const about = Object.entries(inspection.metadata).map(([key, value]) => oneLine(`${key}: ${value}`))
  const lines = [headOf(inspection), ...about, ...left].map((line) => wrap(line, width))
  return `${text}\n\n${lines.join('\n')}\n`
}

function markdown(inspection: Inspection): string {
  const columns = columnsOf(inspection)
  const left = columns.filter((column) => column.left).length
  return `${markdownTable(titlesOf(columns), rowsOf(columns), left)}\n`
}

function headOf({ name, files, tensors, total }: Inspection): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const count = files.length === 1 ? '' : ` in ${files.length} files`
  const values = tensors.reduce((sum, one) => sum + one.values, 0)
  const broken = total.nan + total.infinite
  const warning = broken > 0 ? `; ${thousands(broken)} of them are NaN or infinite` : ''
  const what = `${counted(tensors.length, 'tensor')}, ${counted(values, 'value')}, ${dataSize(bytes)}${count}`
  return `${oneLine(name)}: ${what}${warning}`
}

/** Rows of the table: all tensors, and what they have together. */
function columnsOf({ tensors, total }: Inspection): Column[] {
  const all = tensors.map(({ statistics }) => statistics)
  const sum = tensors.reduce((values, one) => values + one.values, 0)
  const rows = [...all, total]
  const column = (title: string, of: (one: Statistics) => string, spare?: number): Column => ({
    title,
    cells: rows.map((one) => (one ? of(one) : '-')),
    ...(spare !== undefined && { spare }),
  })
  return [
    { title: 'tensor', cells: [...tensors.map(({ name }) => name), 'total'], left: true },
    { title: 'type', cells: [...tensors.map(({ dtype }) => dtype), ''], left: true },
    { title: 'shape', cells: [...tensors.map(({ shape }) => `[${shape.join(', ')}]`), ''], left: true },
    { title: 'values', cells: [...tensors.map(({ values }) => values), sum].map(thousands) },
    column('norm', ({ norm }) => short(norm)),
    column('min', ({ min }) => short(min), 1),
    column('max', ({ max }) => short(max), 1),
    column('mean', ({ mean }) => short(mean), 2),
    column('NaN', ({ nan }) => thousands(nan)),
    column('inf', ({ infinite }) => thousands(infinite)),
  ]
}

/** Five digits are enough to see what is wrong with a tensor. */
const short = (value: number) => (Number.isNaN(value) ? '-' : significant(value, 5))

function csv({ tensors }: Inspection): string {
  const cell = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value)
  const rows = tensors.map(({ name, dtype, shape, values, bytes, statistics: of }) => [
    ...[name, dtype, shape.join(' '), values, bytes],
    ...[of?.norm, of?.min, of?.max, of?.mean, of?.nan, of?.infinite].map(cell),
  ])
  return sheet([
    ['name', 'dtype', 'shape', 'values', 'bytes', 'l2_norm', 'min', 'max', 'mean', 'nan', 'infinite'],
    ...rows,
  ])
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json({ name, files, metadata, tensors, total }: Inspection): string {
  const number = (value: number) => (Number.isNaN(value) ? null : value)
  const plain = ({ norm, min, max, mean, nan, infinite }: Statistics) => {
    return { l2_norm: number(norm), min: number(min), max: number(max), mean: number(mean), nan, infinite }
  }
  const shown = {
    format: FORMAT,
    fedunify: VERSION,
    model: name,
    files,
    metadata,
    tensors: tensors.map(({ statistics, ...tensor }) => ({ ...tensor, ...(statistics && plain(statistics)) })),
    total: {
      tensors: tensors.length,
      values: tensors.reduce((sum, { values }) => sum + values, 0),
      bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
      ...plain(total),
    },
  }
  return `${JSON.stringify(shown, null, 2)}\n`
}
