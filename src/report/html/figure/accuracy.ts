import { LAST_EPOCH_TEXT, type PaperTable, printedOf, roundBeside } from '../../../paper/tables.ts'
import { withoutMetrics } from '../../../runs/run-description.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { banded, type LegendItem, sampled } from '../chart/legend.ts'
import { type Line, lineChart } from '../chart/line-chart.ts'
import { key, lookOf } from '../chart/marks.ts'
import type { PaperColumn } from '../chart/paper-panel.ts'
import { PERCENT_AXIS } from '../chart/percent.ts'
import { axisWithin, focusRange, type Range, thinOut } from '../chart/scale.ts'
import { type Content, html, type Markup } from '../markup.ts'
import { accuracySeries, atRounds, type Point, pointOf, roundsOf, type Series, spreadText } from '../series.ts'
import { listed } from '../words.ts'
import { classesKnown } from './classes-known.ts'

/** More rounds than about this are thinned out: neither eyes nor screens have more points. */
export const MAX_ROUNDS = 200

/**
 * Accuracy by round: local models thin and grey, unified models thick, pooled dashed, the paper's values hollow.
 * @param paper the paper's table, if the runs are comparable with it
 */
export function accuracyFigure(id: string, { runs }: RecordGroup, paper: PaperTable | undefined): Markup {
  const all = accuracySeries(runs)
  const every = roundsOf(all)
  const rounds = thinOut(every, MAX_ROUNDS)
  const series = atRounds(all, rounds)
  const known = classesKnown(runs[0]!.manifest)
  const title = 'Accuracy by round'
  const axis = axisWithin(rangeOf(series), [0, 100])
  const columns = paper ? columnsOf(series, paper) : []
  const shown = columns.filter((column, i) => isShown(column, i, columns, axis.domain))
  const outside = columns.filter((column) => !shown.includes(column)).map(({ label }) => label)
  const plots = bothSizes((size) =>
    lineChart({
      id: `${id}-${size}`,
      size,
      title,
      desc: describe(series),
      lines: linesOf(series),
      axis: { ...PERCENT_AXIS, ...axis },
      paper: shown,
      legend: legendOf(series, { known, runs: runs.length, paper: paper && paperText(paper, outside) }),
      rounds,
    }),
  )
  const many = series.some(({ owners }) => owners)
  const silent = runs.some(({ manifest }) => withoutMetrics(manifest.shards).length > 0)
  const sharing = silent ? 'the owners that share their metrics' : 'all owners'
  const caption = html`<p>Unified models are tested on the test images of ${sharing}, local models only on those of their own owner${many && ': the band holds the middle 80 % of the owners, the line is their median'}.${known && ` Each owner has images of ${known} classes only and its local model is tested on these, so the grey lines are not comparable with the unified models.`}</p><p>The axis shows the range of the rule whose model is sent to the owners. Arrows at its edge mark values outside.${runs.length > 1 && ` Lines are means of ${runs.length} seeds, bands ± one standard deviation.`}${paper && ` Hollow marks: the values that the paper prints in Table ${paper.number}, by its epochs.`}${rounds.length < every.length && ` ${rounds.length} of ${every.length} rounds are shown.`}</p>`
  return figure({
    id,
    title,
    caption,
    plots,
    table: valuesTable(series, paper, rounds),
    layout: 'side',
    crosshair: 'round',
  })
}

/** What matters most is drawn last, on top: the model that is sent to the owners. */
function linesOf(series: readonly Series[]): Line[] {
  const of = (kind: Series['kind']) =>
    series.filter((one) => one.kind === kind).map((one): Line => ({ ...one, look: lookOf(one) }))
  return [...of('local'), ...of('pooled'), ...of('unified').toReversed()]
}

/** The range of the rule that drives the run, and of what ends near it. */
function rangeOf(series: readonly Series[]) {
  const values = ({ points }: Series) => points.map(({ value }) => value)
  const driver = series.find(({ kind }) => kind === 'unified')!
  return focusRange(values(driver), series.filter((one) => one !== driver).map(values))
}

const printedSeries = (series: readonly Series[], { rows }: PaperTable) =>
  series.filter(({ kind, name }) => kind === 'unified' && printedOf(rows[0]!, name) !== undefined)

function columnsOf(series: readonly Series[], paper: PaperTable) {
  const printed = printedSeries(series, paper)
  return paper.rows.map((row) => ({
    label: roundBeside(row) === 'end' ? LAST_EPOCH_TEXT : String(row.round),
    marks: printed.map((one) => ({ look: lookOf(one), value: printedOf(row, one.name)! })),
  }))
}

/** A column of arrows alone shows nothing: it is named in the legend. The last one stays, as what ours is held against. */
const isShown = ({ marks }: PaperColumn, i: number, all: readonly PaperColumn[], [low, high]: Range) =>
  i === all.length - 1 || marks.some(({ value }) => value >= low && value <= high)

const paperText = ({ number }: PaperTable, outside: readonly string[]) =>
  `paper, Table ${number}${outside.length > 0 ? ` (${outside.length === 1 ? 'epoch' : 'epochs'} ${listed(outside)} outside)` : ''}`

function legendOf(
  series: readonly Series[],
  { known, paper, runs }: { known: string | undefined; paper: string | undefined; runs: number },
): LegendItem[] {
  const unified = series.filter(({ kind }) => kind === 'unified')
  const locals = series.filter(({ kind }) => kind === 'local')
  const pooled = series.filter(({ kind }) => kind === 'pooled')
  const many = locals.find(({ owners }) => owners)
  const note = known ? ` (${known} classes)` : ''
  return [
    ...unified.map((one, i) => sampled(`${one.name}${i === 0 ? ' (sent to owners)' : ''}`, lookOf(one))),
    ...pooled.map((one) => sampled('pooled baseline', lookOf(one))),
    ...locals
      .slice(0, 3)
      .map((one) =>
        sampled(many ? `median of ${many.owners} owners${note}` : `${one.name}, local${note}`, lookOf(one)),
      ),
    ...(paper && unified[0] ? [sampled(paper, lookOf(unified[0]), true)] : []),
    ...(runs > 1 ? [banded('± 1 sd', [...unified, ...pooled, ...locals.slice(0, 1)].map(lookOf))] : []),
  ]
}

function valuesTable(series: readonly Series[], paper: PaperTable | undefined, rounds: readonly number[]): Markup {
  const printed = paper ? printedSeries(series, paper) : []
  const head: Content[] = [
    'round',
    ...series.map((one) => html`${key(lookOf(one))}${one.owners ? `median of ${one.owners} owners` : one.name}`),
    ...printed.map((one) => html`${key(lookOf(one), true)}paper ${one.name}`),
  ]
  const paperCells = (round: number | 'end') => {
    const row = paper?.rows.find((one) => roundBeside(one) === round)
    return printed.map(({ name }) => (row ? (printedOf(row, name)?.toFixed(2) ?? '') : ''))
  }
  const rows = rounds.map((round): Content[] => [
    round,
    ...series.map((one) => cell(pointOf(one, round), one.owners !== undefined)),
    ...paperCells(round),
  ])
  const last: Content[] = [`paper’s epoch ${LAST_EPOCH_TEXT}`, ...series.map(() => ''), ...paperCells('end')]
  return table(head, printed.length > 0 ? [...rows, last] : rows)
}

function cell(point: Point | undefined, isRange: boolean): string {
  if (!point) return ''
  const value = point.value.toFixed(2)
  if (!point.band) return value
  const [low, high] = point.band
  return `${value} ${isRange ? `(${low.toFixed(1)}–${high.toFixed(1)})` : spreadText(point.band)}`
}

function describe(series: readonly Series[]): string {
  const ends = series.map(({ name, points }) => `${name} ${points.at(-1)!.value.toFixed(2)}`)
  return `Percent of the test images classified correctly. At the last round: ${ends.join(', ')}. The data table has every round.`
}
