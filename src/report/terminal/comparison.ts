import { stringify } from 'csv-stringify/sync'
import { type Cell, type Comparison, letter } from '../../compare/compare.ts'
import { percent, plusMinus } from '../../format.ts'
import { seriesTitle } from '../../runs/series-name.ts'
import { oneLine } from '../../visible.ts'
import { asText, row } from '../markdown.ts'
import { columns } from './columns.ts'
import { wrap } from './wrap.ts'

/** Every form of a comparison, by the name that `--format` takes. */
export const COMPARISON_FORMATS = { terminal, markdown, csv, json } satisfies Record<
  string,
  (c: Comparison, width?: number) => string
>

export type ComparisonFormat = keyof typeof COMPARISON_FORMATS

export const COMPARISON_FORMAT_NAMES = Object.keys(COMPARISON_FORMATS) as ComparisonFormat[]

const UNITS = 'Accuracy in percent, mean ± standard deviation over seeds; differences in percentage points.'

function terminal(comparison: Comparison, width?: number): string {
  const { sides, notes } = comparison
  const legend = sides.map(({ name, detail }, i) => oneLine(`${letter(i)}  ${name}: ${detail}`))
  const rows = cellRows(comparison)
  // A round is named once, where it begins.
  const shown = rows.map(([at, ...rest], i) => [i > 0 && rows[i - 1]![0] === at ? '' : at!, ...rest])
  const noted = notes.map((note) => oneLine(`note: ${note}`))
  const texts = [legend.join('\n'), columns(head(comparison), shown, width, 2), [UNITS, ...noted].join('\n')]
  return `${wrap(texts.join('\n\n'), width)}\n`
}

function markdown(comparison: Comparison): string {
  const names = head(comparison)
  const rule = `| --- | --- |${' ---: |'.repeat(names.length - 2)}`
  const legend = comparison.sides.map(({ name, detail }, i) => `- **${letter(i)}**: ${asText(name)}: ${asText(detail)}`)
  const table = [row(names), rule, ...cellRows(comparison).map(row)]
  const notes = comparison.notes.map((note) => `- ${asText(note)}`)
  const blocks = [legend.join('\n'), table.join('\n'), UNITS, ...(notes.length > 0 ? [notes.join('\n')] : [])]
  return `${blocks.join('\n\n')}\n`
}

/** One line for each figure; accuracies are fractions, differences percentage points. */
function csv({ sides, rows }: Comparison): string {
  const lines = rows.flatMap(({ at, series, cells }) =>
    cells.map((cell, i) => [
      at,
      series,
      sides[i]!.name,
      cell?.runs ?? 0,
      cell?.mean ?? '',
      cell && !Number.isNaN(cell.sd) ? cell.sd : '',
      cell?.delta ?? '',
    ]),
  )
  return stringify([['round', 'series', 'side', 'runs', 'accuracy', 'sd', 'delta_points'], ...lines], {
    escape_formulas: true,
  })
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** As the CSV; what a side does not have is null (docs/formats.md). */
function json({ sides, rows, notes }: Comparison): string {
  const plain = (cell: Cell | undefined) =>
    cell ? { accuracy: cell.mean, sd: nullable(cell.sd), runs: cell.runs, delta_points: cell.delta ?? null } : null
  const table = rows.map(({ at, series, cells }) => ({ round: at, series, sides: cells.map(plain) }))
  return `${JSON.stringify({ format: FORMAT, sides, rows: table, notes }, null, 2)}\n`
}

const nullable = (value: number) => (Number.isNaN(value) ? null : value)

const head = ({ sides }: Comparison): string[] => [
  'round',
  'series',
  ...sides.flatMap((_, i) => (i === 0 ? [letter(i)] : [letter(i), `${letter(i)} - ${letter(0)}`])),
]

function cellRows({ rows }: Comparison): string[][] {
  return rows.map(({ at, series, cells }) => [
    String(at),
    seriesTitle(series),
    ...cells.flatMap((cell, i) => (i === 0 ? [figure(cell)] : [figure(cell), points(cell?.delta)])),
  ])
}

const figure = (cell: Cell | undefined) => (cell ? plusMinus(cell, percent) : '-')

/** +4.51, -0.30, 0.00 */
function points(delta: number | undefined): string {
  if (delta === undefined) return '-'
  const text = delta.toFixed(2)
  return Number(text) === 0 ? '0.00' : delta > 0 ? `+${text}` : text
}
