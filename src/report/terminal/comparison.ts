import type { Cell, ComparedRow, Comparison } from '../../compare/compare.ts'
import type { Ranking } from '../../compare/seeds.ts'
import { SENT_BACK } from '../../compare/side.ts'
import { letter } from '../../compare/unlike.ts'
import { sheet } from '../../csv.ts'
import { percent, plusMinus } from '../../format.ts'
import { seriesTitle } from '../../runs/series-name.ts'
import { oneLine } from '../../visible.ts'
import { asText } from '../markdown.ts'
import { markdownTable } from '../markdown-table.ts'
import { columns } from './columns.ts'
import { type Column, rowsOf, titlesOf } from './fit.ts'
import { differenceCells, intervalText, plainDifference, signedPoints } from './points.ts'
import { nullable } from './run-words.ts'
import { wrap } from './wrap.ts'

/** Every form of a comparison, by the name that `--format` takes. */
export const COMPARISON_FORMATS = { terminal, markdown, csv, json } satisfies Record<
  string,
  (comparison: Comparison, width?: number) => string
>

const UNITS = 'Accuracy in percent, mean ± standard deviation over seeds; differences in percentage points.'
const INTERVALS = 'In brackets: 95 % interval of the mean difference over seeds; noise: it contains 0.'

/** What the figures are, and which side is best. */
const legendOf = ({ sides, rows, ranking }: Comparison): string[] => [
  rows.some(({ cells }) => cells.some((cell) => cell?.difference)) ? `${UNITS} ${INTERVALS}` : UNITS,
  ...(ranking ? [rankingText(ranking, sides.length)] : []),
]

/** best at end: C, 91.20 (sent back); within noise of it: A; behind: B; no interval: D */
function rankingText({ at, best, accuracy, withinNoise, behind, unknown }: Ranking, sides: number): string {
  const names = (places: readonly number[]) => places.map((i) => letter(i)).join(', ')
  const groups = [
    ['within noise of it', withinNoise],
    ['behind', behind],
    ['no interval', unknown],
  ] as const
  const told = groups.flatMap(([what, places]) => (places.length > 0 ? [`${what}: ${names(places)}`] : []))
  return `best of ${sides} sides at ${at}: ${letter(best)}, ${percent(accuracy)} (sent back); ${told.join('; ')}`
}

/** What a reader must know, the worst first. */
export const remarks = ({ warnings, notes }: Comparison): string[] => [
  ...warnings.map((warning) => `warning: ${warning}`),
  ...notes.map((note) => `note: ${note}`),
]

function terminal(comparison: Comparison, width?: number): string {
  const legend = comparison.sides.map(({ name, detail }, i) => oneLine(`${letter(i)}  ${name}: ${detail}`))
  const all = columnsOf(comparison)
  const rows = rowsOf(all)
  // A round is named once, where it begins.
  const shown = rows.map(([at, ...rest], i) => [i > 0 && rows[i - 1]![0] === at ? '' : at!, ...rest])
  const below = [...legendOf(comparison), ...remarks(comparison).map(oneLine)]
  const table = columns(titlesOf(all), shown, width, KEYS)
  return `${[wrap(legend.join('\n'), width), table, wrap(below.join('\n'), width)].join('\n\n')}\n`
}

function markdown(comparison: Comparison): string {
  const all = columnsOf(comparison)
  const legend = comparison.sides.map(({ name, detail }, i) => `- **${letter(i)}**: ${asText(name)}: ${asText(detail)}`)
  const below = remarks(comparison).map((line) => `- ${asText(line)}`)
  const table = markdownTable(titlesOf(all), rowsOf(all), KEYS)
  return `${[legend.join('\n'), table, ...legendOf(comparison), ...(below.length > 0 ? [below.join('\n')] : [])].join('\n\n')}\n`
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
      ...differenceCells(cell?.difference),
    ]),
  )
  const head = ['round', 'series', 'side', 'runs', 'accuracy', 'sd', 'delta_points']
  return sheet([[...head, 'difference_points', 'difference_low', 'difference_high', 'pairs', 'within_noise'], ...lines])
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** As the CSV; what a side does not have is null (docs/formats.md). */
function json({ sides, rows, ranking, warnings, notes }: Comparison): string {
  const plain = (cell: Cell | undefined) =>
    cell
      ? {
          accuracy: cell.mean,
          sd: nullable(cell.sd),
          runs: cell.runs,
          delta_points: cell.delta ?? null,
          difference: cell.difference ? plainDifference(cell.difference) : null,
        }
      : null
  const table = rows.map(({ at, series, cells }) => ({ round: at, series, sides: cells.map(plain) }))
  const nameOf = (i: number) => sides[i]!.name
  const ranked = ranking && {
    round: ranking.at,
    best: nameOf(ranking.best),
    accuracy: ranking.accuracy,
    within_noise: ranking.withinNoise.map(nameOf),
    behind: ranking.behind.map(nameOf),
    no_interval: ranking.unknown.map(nameOf),
  }
  const all = { format: FORMAT, sides, rows: table, ranking: ranked ?? null, warnings, notes }
  return `${JSON.stringify(all, null, 2)}\n`
}

/** How many columns, from the first, say what a row is of. */
const KEYS = 2

/** Two sides have a column each, more have a row each. */
const columnsOf = (comparison: Comparison): Column[] =>
  comparison.sides.length > 2 ? sidesAsRows(comparison) : sidesAsColumns(comparison)

function sidesAsColumns({ sides, rows }: Comparison): Column[] {
  const of = (title: string, cell: (row: ComparedRow) => string): Column => ({ title, cells: rows.map(cell) })
  return [
    of('round', ({ at }) => String(at)),
    of('series', ({ series }) => titleOf(series)),
    ...sides.flatMap((_, i) => [
      of(letter(i), ({ cells }) => figure(cells[i])),
      ...(i > 0 ? [of(`${letter(i)} - ${letter(0)}`, ({ cells }) => differenceText(cells[i]))] : []),
    ]),
  ]
}

/** A row for each side in each round, a column for each series and for its difference from the first side's. */
function sidesAsRows({ sides, rows }: Comparison): Column[] {
  const series = [...new Set(rows.map((row) => row.series))]
  const rounds = [...new Set(rows.map(({ at }) => at))]
  const lines = rounds.flatMap((at) =>
    sides.map((_, side) => {
      const cellOf = (name: string) => rows.find((row) => row.at === at && row.series === name)?.cells[side]
      return { at, side, cells: new Map(series.map((name) => [name, cellOf(name)])) }
    }),
  )
  const shown = lines.filter(({ cells }) => [...cells.values()].some(Boolean))
  const of = (title: string, cell: (line: (typeof shown)[number]) => string): Column => {
    return { title, cells: shown.map(cell) }
  }
  return [
    of('round', ({ at }) => String(at)),
    of('side', ({ side }) => letter(side)),
    ...series.flatMap((name) => {
      const differs = shown.some(({ cells }) => cells.get(name)?.delta !== undefined)
      const delta = of(`- ${letter(0)}`, ({ side, cells }) => (side === 0 ? '' : differenceText(cells.get(name))))
      return [of(titleOf(name), ({ cells }) => figure(cells.get(name))), ...(differs ? [delta] : [])]
    }),
  ]
}

const titleOf = (series: string) => (series === SENT_BACK ? 'sent back' : seriesTitle(series))

/** +0.35 [-0.17, +0.87] noise; without an interval the number alone. */
const differenceText = (cell: Cell | undefined): string =>
  cell?.difference ? intervalText(cell.difference) : signedPoints(cell?.delta)

const figure = (cell: Cell | undefined) => (cell ? plusMinus(cell, percent) : '-')
