import { basename } from 'node:path'
import { sheet } from '../../csv.ts'
import { clock, duration, percent, plusMinus, thousands } from '../../format.ts'
import { secondsOf, startOf } from '../../ls/fields.ts'
import type { RunList } from '../../ls/list-runs.ts'
import type { RunRow } from '../../ls/row.ts'
import type { Standing, Standings } from '../../ls/standings.ts'
import { valueText } from '../../runs/read/run-groups.ts'
import { POOLED_SERIES } from '../../runs/series-name.ts'
import { type Estimate, isWithinNoise } from '../../stats.ts'
import { oneLine } from '../../visible.ts'
import { markdownTable } from '../markdown-table.ts'
import { type Column, fitted, rowsOf, titlesOf } from './fit.ts'
import { differenceCells, intervalText, plainDifference, signedPoints } from './points.ts'
import { nullable, range } from './run-words.ts'
import { wrap } from './wrap.ts'

/** Every form of a list of runs, by the name that `--format` takes. */
export const RUN_LIST_FORMATS = { terminal, markdown, csv, json } satisfies Record<
  string,
  (list: RunList, width?: number) => string
>

const UNITS = 'Accuracy of the unified models in percent at the last round'

function terminal(list: RunList, width?: number): string {
  const { text, missing } = fitted(columnsOf(list), width)
  const left = missing.length > 0 ? [`left out to fit the terminal: ${missing.join(', ')}`] : []
  const lines = [...footer(list), ...left, ...damagedLines(list)].map((line) => wrap(oneLine(line), width))
  return `${[...(list.rows.length > 0 ? [text] : []), lines.join('\n')].join('\n\n')}\n`
}

function markdown(list: RunList): string {
  const all = columnsOf(list)
  const table = markdownTable(titlesOf(all), rowsOf(all), all.filter(({ left }) => left).length)
  const damaged = damagedLines(list).map((line) => `- ${oneLine(line)}`)
  return `${[table, footer(list).join('\n'), ...(damaged.length > 0 ? [damaged.join('\n')] : [])].join('\n\n')}\n`
}

function footer({ rows, matching, standings }: RunList): string[] {
  if (matching === 0) return ['no run matches']
  const several = rows.some(({ seeds }) => seeds > 1)
  const units = `${UNITS}${several ? ', mean ± standard deviation over seeds' : ''}.`
  return [
    units,
    ...(standings ? [standingText(standings)] : []),
    ...(rows.length < matching ? [`${thousands(rows.length)} of ${thousands(matching)} rows (--limit)`] : []),
  ]
}

function standingText(standings: Standings): string {
  const others = [...standings.values()].filter(({ isBest }) => !isBest)
  if (others.every(({ difference }) => !difference)) {
    return 'To best: percentage points; no interval, for it takes two seeds of both rows.'
  }
  const noise = others.filter(({ difference }) => difference && isWithinNoise(difference)).length
  return (
    'To best: percentage points, and the 95 % interval over seeds (paired if two are common); ' +
    `noise: it contains 0, as of ${noise} of ${others.length} rows.`
  )
}

export const damagedLines = ({ damaged }: RunList): string[] => damaged.map(({ error }) => `damaged: ${error.message}`)

/** The merge rules that rows have, then the baseline. */
function seriesIn(rows: readonly RunRow[]): string[] {
  const names = [...new Set(rows.flatMap(({ unified }) => [...unified.keys()]))]
  return [...names.filter((name) => name !== POOLED_SERIES), ...names.filter((name) => name === POOLED_SERIES)]
}

function columnsOf({ rows, keys, standings }: RunList): Column[] {
  const column = (title: string, cell: (row: RunRow) => string, spare?: number, left = false): Column => {
    return { title, cells: rows.map(cell), left, ...(spare !== undefined && { spare }) }
  }
  const figure = (one: Estimate | undefined) => (one ? plusMinus(one, percent) : '-')
  const mixed = new Set(rows.map(({ driver }) => driver)).size > 1
  const series = seriesIn(rows)
  const sentBack = column('sent back', (row) => figure(row.unified.get(row.driver)?.end))
  return [
    column('name', ({ name }) => name, undefined, true),
    column('id', idText, undefined, true),
    column('status', statusText, 10, true),
    ...keys.map((key, i) => column(key, ({ config }) => keyText(key, config[key]), 20 + i, true)),
    column('rounds', roundsText, 11),
    ...(mixed ? [sentBack] : []),
    ...series.map((name, i) =>
      column(name, ({ unified }) => figure(unified.get(name)?.end), i > 0 || mixed ? 50 + i : undefined),
    ),
    ...(standings ? [column('to best', (row) => toBest(standings.get(row)), 12)] : []),
    column('best round', ({ unified, driver }) => range(unified.get(driver)?.bestRounds ?? []), 99),
    column('started', (row) => clock(startOf(row)), 98),
    column('time', (row) => timeText(secondsOf(row)), 100),
  ]
}

function toBest(standing: Standing | undefined): string {
  if (!standing) return '-'
  if (standing.isBest) return 'best'
  return standing.difference ? intervalText(standing.difference) : signedPoints(standing.points)
}

/** The folder of a run, or how many seeds there are. */
function idText({ runs, seeds }: RunRow): string {
  if (seeds === 1) return basename(runs[0]!.path)
  return runs.length > seeds ? `${seeds} seeds, ${runs.length} runs` : `${seeds} seeds`
}

/** finished, or "2 finished, 1 failed". */
function statusText({ runs }: RunRow): string {
  const all = runs.map(({ manifest }) => manifest.status)
  const kinds = [...new Set(all)].sort()
  if (kinds.length === 1) return kinds[0]!
  return kinds.map((kind) => `${all.filter((one) => one === kind).length} ${kind}`).join(', ')
}

/** 10 if all are done, else "3 of 10". */
function roundsText({ runs }: RunRow): string {
  const asked = runs[0]!.manifest.config.rounds
  const done = range(runs.map(({ rounds }) => rounds))
  return done === String(asked) ? done : `${done} of ${asked}`
}

const timeText = (seconds: number | undefined) => (seconds === undefined ? '-' : duration(seconds))

/** A list of layers would fill the screen. */
function keyText(key: string, value: unknown): string {
  if (value === undefined) return '-'
  return key === 'model' && Array.isArray(value) ? `${value.length} layers` : valueText(value)
}

/** One line for each row; accuracies are fractions, times seconds. */
function csv({ rows, keys, standings }: RunList): string {
  const series = seriesIn(rows)
  const number = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? '' : value)
  const pair = (one: Estimate | undefined) => [number(one?.mean), number(one?.sd)]
  const lines = rows.map((row) => [
    row.name,
    idText(row),
    row.runs.map(({ path }) => path).join(' '),
    row.seeds,
    statusText(row),
    roundsText(row),
    startOf(row),
    ...keys.map((key) => keyText(key, row.config[key])),
    row.driver,
    ...pair(row.unified.get(row.driver)?.end),
    ...series.flatMap((name) => pair(row.unified.get(name)?.end)),
    range(row.unified.get(row.driver)?.bestRounds ?? []),
    number(secondsOf(row)),
    ...(standings ? standingCells(standings.get(row)) : []),
  ])
  const accuracies = ['unified', ...series].flatMap((name) => [name, `${name}_sd`])
  const head = ['name', 'id', 'paths', 'seeds', 'status', 'rounds', 'started', ...keys, 'sent_back', ...accuracies]
  const standing = ['to_best_points', 'to_best_low', 'to_best_high', 'pairs', 'within_noise']
  return sheet([[...head, 'best_round', 'seconds', ...(standings ? standing : [])], ...lines])
}

const standingCells = (standing: Standing | undefined) =>
  standing && !standing.difference ? [standing.points, '', '', '', ''] : differenceCells(standing?.difference)

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json({ rows, keys, standings, damaged }: RunList): string {
  const plain = ({ mean, sd }: Estimate) => ({ accuracy: mean, sd: nullable(sd) })
  const shown = rows.map((row) => ({
    name: row.name,
    runs: row.runs.map(({ path, manifest, rounds }) => {
      const { config, status, started, seconds } = manifest
      return { id: basename(path), path, seed: config.seed, status, rounds, started, seconds: seconds?.total ?? null }
    }),
    config: Object.fromEntries(keys.map((key) => [key, row.config[key] ?? null])),
    sent_back: row.driver,
    ...(standings && { to_best: plainStanding(standings.get(row)) }),
    series: [...row.unified].map(([name, { end, best, bestRounds }]) => {
      return { series: name, end: plain(end), best: { ...plain(best), rounds: bestRounds } }
    }),
  }))
  const broken = damaged.map(({ path, error }) => ({ path, code: error.code, message: error.message }))
  return `${JSON.stringify({ format: FORMAT, rows: shown, damaged: broken }, null, 2)}\n`
}

function plainStanding(standing: Standing | undefined) {
  if (!standing) return null
  const { isBest, points, difference } = standing
  return { best: isBest, points, difference: difference ? plainDifference(difference) : null }
}
