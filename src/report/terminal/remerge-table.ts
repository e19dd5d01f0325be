import { sheet } from '../../csv.ts'
import { percent } from '../../format.ts'
import { METHODS, type Method } from '../../remerge/contributions.ts'
import { plainRemerged } from '../../remerge/plain.ts'
import type { RecordedScore, Remerged, RemergedRun } from '../../remerge/remerge-run.ts'
import { oneLine } from '../../visible.ts'
import { asText } from '../markdown.ts'
import { markdownTable } from '../markdown-table.ts'
import { columns } from './columns.ts'
import { type Column, rowsOf, titlesOf } from './fit.ts'
import { signedPoints } from './points.ts'
import { wrap } from './wrap.ts'

/** Every form of what `fedunify remerge` found, by the name that `--format` takes. */
export const REMERGE_FORMATS = { terminal, markdown, csv, json } satisfies Record<
  string,
  (remerged: RemergedRun, width?: number) => string
>

function terminal(remerged: RemergedRun, width?: number): string {
  const draw = (all: readonly Column[], keys: number) => columns(titlesOf(all), rowsOf(all), width, keys, keys)
  const tables = [draw(scoreColumns(remerged), 2), ...contributionTables(remerged).map((all) => draw(all, 3))]
  const below = [...unitsOf(remerged), ...notesOf(remerged)].map((line) => wrap(oneLine(line), width))
  return `${[...tables, below.join('\n')].join('\n\n')}\n`
}

function markdown(remerged: RemergedRun): string {
  const draw = (all: readonly Column[], keys: number) => markdownTable(titlesOf(all), rowsOf(all), keys)
  const tables = [draw(scoreColumns(remerged), 2), ...contributionTables(remerged).map((all) => draw(all, 3))]
  const below = notesOf(remerged).map((line) => `- ${asText(line)}`)
  return `${[...tables, unitsOf(remerged).join('\n'), ...(below.length > 0 ? [below.join('\n')] : [])].join('\n\n')}\n`
}

function unitsOf({ path, driver, without, rows }: RemergedRun): string[] {
  const left = without.length > 0 ? `, without owner ${without.join(', ')}` : ''
  return [
    `${path}: unified models of kept weights${left}; accuracy in percent on the owners' test images, loss in nats.`,
    `to ${driver}: percentage points; distance: that of the weights, in units of the length of ${driver}'s.`,
    ...methodsIn(rows).map((method) => MEANINGS[method]),
  ]
}

const MEANINGS: Record<Method, string> = {
  'leave-one-out': 'leave-one-out: points that the merge of all has more than that of the others.',
  shapley: 'shapley: points that an owner adds to a coalition of the others, on average over all orders.',
}

const reasonOf = ({ rule, round, reason }: RecordedScore) => `round ${round}, ${rule}: not used: ${reason}`

const notesOf = ({ rows, notes }: Remerged): string[] => [
  ...rows.filter(({ accuracy }) => accuracy === undefined).map(reasonOf),
  ...rows.flatMap(({ round, rule, withoutContributions: why }) =>
    why === undefined ? [] : [`round ${round}, ${rule}: no contributions: ${why}`],
  ),
  ...notes.map((note) => `note: ${note}`),
]

function scoreColumns({ rows, driver }: Remerged): Column[] {
  const of = (title: string, cell: (row: RecordedScore) => string): Column => ({ title, cells: rows.map(cell) })
  const known = (value: number | undefined, text: (value: number) => string) =>
    value === undefined ? '-' : text(value)
  const recorded = rows.some((row) => row.recorded !== undefined)
  return [
    of('round', ({ round }) => String(round)),
    of('rule', ({ rule }) => rule),
    of('accuracy', ({ accuracy }) => known(accuracy, percent)),
    ...(recorded ? [of('in the run', (row) => known(row.recorded, percent))] : []),
    of('loss', ({ loss }) => known(loss, (value) => value.toFixed(4))),
    of(`to ${driver}`, ({ delta }) => signedPoints(delta)),
    of('distance', (row) => known(row.distance, (value) => value.toFixed(4))),
  ]
}

const methodsIn = (rows: readonly RecordedScore[]): Method[] =>
  METHODS.filter((method) => rows.some(({ contributions }) => contributions.some((one) => one.method === method)))

/** A table for each method: what each owner contributes to each rule. */
function contributionTables({ rows }: Remerged): Column[][] {
  return methodsIn(rows).map((method) => {
    const lines = rows.flatMap(({ round, rule, contributions }) =>
      contributions.filter((one) => one.method === method).map((one) => ({ round, rule, ...one })),
    )
    const of = (title: string, cell: (line: (typeof lines)[number]) => string): Column => {
      return { title, cells: lines.map(cell) }
    }
    const without = lines.some((line) => line.without !== undefined)
    return [
      of('round', ({ round }) => String(round)),
      of('rule', ({ rule }) => rule),
      of('owner', ({ owner }) => String(owner)),
      ...(without ? [of('without it', (line) => (line.without === undefined ? '-' : percent(line.without)))] : []),
      of(method, ({ points }) => signedPoints(points)),
    ]
  })
}

const HEAD = ['round', 'rule', 'owner', 'method', 'accuracy', 'loss', 'points', 'distance', 'accuracy_in_run', 'reason']

/**
 * A line for each rule and round; below it, if asked for, one for each owner and method. Accuracies are fractions; points
 * are those to the driving rule, or what the owner contributes.
 */
function csv({ rows }: Remerged): string {
  const lines = rows.flatMap(({ round, rule, contributions, ...row }) => [
    [
      round,
      rule,
      '',
      'merge',
      ...[row.accuracy, row.loss, row.delta, row.distance, row.recorded, row.reason].map(cell),
    ],
    ...contributions.map(({ owner, method, without, points }) => {
      return [round, rule, owner, method, cell(without), '', points, '', '', '']
    }),
  ])
  return sheet([HEAD, ...lines])
}

const cell = (value: string | number | undefined) => value ?? ''

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json({ path, ...remerged }: RemergedRun): string {
  return `${JSON.stringify({ format: FORMAT, run: path, ...plainRemerged(remerged) }, null, 2)}\n`
}
