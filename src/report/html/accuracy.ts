import { LAST_EPOCH_TEXT, type PaperTable, printedOf, roundBeside } from '../../paper/tables.ts'
import { withoutMetrics } from '../../runs/run-description.ts'
import { POOLED_SERIES } from '../../runs/series-name.ts'
import type { RecordGroup } from '../run-record.ts'
import { figure, table } from './chart/figure.ts'
import { type Line, lineChart, type Reference } from './chart/line-chart.ts'
import { key, type LegendItem, type Look, lookOf, sample } from './chart/marks.ts'
import { thinOut } from './chart/scale.ts'
import { type Content, html, type Markup } from './markup.ts'
import { accuracySeries, type Point, roundsOf, type Series, shownModel } from './series.ts'

/** More rounds than about this are thinned out: neither eyes nor screens have more points. */
export const MAX_ROUNDS = 200

/** Accuracy by round: local models thin, unified models thick, pooled dashed, the paper's figures hollow. */
export function accuracyFigure(id: string, { runs }: RecordGroup, paper: PaperTable | undefined): Markup {
  const all = accuracySeries(runs)
  const every = roundsOf(all)
  const rounds = thinOut(every, MAX_ROUNDS)
  const series = all.map((one) => ({ ...one, points: one.points.filter(({ round }) => rounds.includes(round)) }))
  const printed = paper ? printedSeries(series, paper, rounds) : []
  const line = (one: Series): Line => ({ name: one.name, look: lookOf(one), points: one.points })
  const of = (kind: Series['kind']) => series.filter((one) => one.kind === kind).map(line)
  // What matters most is drawn last, on top: the model that is copied back.
  const lines = [...of('local'), ...of('pooled'), ...of('unified').toReversed()]
  const title = 'Accuracy by round'
  const plots = (['wide', 'narrow'] as const).map((size) =>
    lineChart({
      id: `${id}-${size}`,
      size,
      title,
      desc: describe(series),
      lines,
      references: printed.flatMap(({ references }) => references),
      legend: legendOf(series, paper, runs.length),
      rounds,
    }),
  )
  const silent = new Set(runs.flatMap(({ manifest }) => withoutMetrics(manifest.shards)))
  const sharing = silent.size > 0 ? 'the owners that share their metrics' : 'all owners'
  const caption = html`<p>Unified models are tested on the test images of ${sharing}, local models on their own owner’s alone${series.some((s) => s.owners) && ': the band holds the middle 80 % of the owners, the line their median'}.${runs.length > 1 && ` Lines are means of ${runs.length} seeds, bands one standard deviation to both sides.`}${paper && html` Hollow marks are what the paper prints (Table ${paper.number}): rounds 1 to 3, and its last row, epoch ${LAST_EPOCH_TEXT}, behind the axis.`}${rounds.length < every.length && ` Of ${every.length} rounds, ${rounds.length} are shown.`}</p>`
  return figure({
    id,
    title,
    caption,
    plots,
    table: valuesTable(series, printed, rounds),
    layout: 'side',
    crosshair: 'round',
  })
}

/** What the paper prints of a series that we have too. */
interface Printed {
  readonly name: string
  readonly look: Look
  readonly references: readonly Reference[]
}

function printedSeries(series: readonly Series[], { rows }: PaperTable, rounds: readonly number[]): Printed[] {
  return series.flatMap((one) => {
    if (one.kind !== 'unified') return []
    const look = lookOf(one)
    const references = rows.flatMap((row): Reference[] => {
      const round = roundBeside(row)
      const value = printedOf(row, one.name)
      const shown = round === 'end' || rounds.includes(round)
      return shown && value !== undefined ? [{ look, round, value }] : []
    })
    return references.length > 0 ? [{ name: one.name, look, references }] : []
  })
}

function legendOf(series: readonly Series[], paper: PaperTable | undefined, runs: number): LegendItem[] {
  const sampled = (text: string, look: Look, hollow = false): LegendItem => ({
    text,
    draw: (x, y) => sample(look, x, y, hollow),
  })
  const unified = series.filter(({ kind }) => kind === 'unified')
  const locals = series.filter(({ kind }) => kind === 'local')
  const many = locals.find(({ owners }) => owners)
  return [
    ...unified.map((one, i) => sampled(`${one.name}${i === 0 ? ', copied back' : ''}`, lookOf(one))),
    ...locals
      .slice(0, 3)
      .map((one) => sampled(many ? `median of ${many.owners} owners` : `${one.name}, local`, lookOf(one))),
    ...(series.some(({ kind }) => kind === 'pooled')
      ? [sampled('pooled baseline', lookOf(shownModel(POOLED_SERIES)))]
      : []),
    ...(paper && unified[0] ? [sampled(`paper, Table ${paper.number}`, lookOf(unified[0]), true)] : []),
    ...(runs > 1
      ? [
          {
            text: '± 1 sd',
            draw: (x: number, y: number) => html`<path class="band c1" d="M${x} ${y - 5}h22v10h-22Z"/>`,
          },
        ]
      : []),
  ]
}

function valuesTable(series: readonly Series[], printed: readonly Printed[], rounds: readonly number[]): Markup {
  const head: Content[] = [
    'round',
    ...series.map((one) => html`${key(lookOf(one))}${one.owners ? `median of ${one.owners} owners` : one.name}`),
    ...printed.map(({ name, look }) => html`${key(look, true)}paper ${name}`),
  ]
  const paperCell = (references: readonly Reference[], round: number | 'end') =>
    references.find((r) => r.round === round)?.value.toFixed(2) ?? ''
  const rows = rounds.map((round): Content[] => [
    round,
    ...series.map((one) =>
      cell(
        one.points.find((p) => p.round === round),
        one.owners !== undefined,
      ),
    ),
    ...printed.map(({ references }) => paperCell(references, round)),
  ])
  const last: Content[] = [
    `paper’s epoch ${LAST_EPOCH_TEXT}`,
    ...series.map(() => ''),
    ...printed.map(({ references }) => paperCell(references, 'end')),
  ]
  return table(head, printed.length > 0 ? [...rows, last] : rows)
}

function cell(point: Point | undefined, isRange: boolean): string {
  if (!point) return ''
  const value = point.value.toFixed(2)
  if (!point.band) return value
  const [low, high] = point.band
  return isRange ? `${value} (${low.toFixed(1)}–${high.toFixed(1)})` : `${value} ± ${((high - low) / 2).toFixed(2)}`
}

function describe(series: readonly Series[]): string {
  const ends = series.map(({ name, points }) => `${name} ${points.at(-1)!.value.toFixed(2)}`)
  return `Percent of the test images classified correctly. At the last round: ${ends.join(', ')}. The table below holds every round.`
}
