import { drivingRule } from '../../../runs/run-description.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { type Line, lineChart } from '../chart/line-chart.ts'
import { dashedAs, key, type Look, lookOf } from '../chart/marks.ts'
import { PERCENT_AXIS } from '../chart/percent.ts'
import { axisWithin, focusRange, thinOut } from '../chart/scale.ts'
import { MAX_ROUNDS } from '../figure/accuracy.ts'
import { html, type Markup } from '../markup.ts'
import { accuracySeries, atRounds, pointOf, roundsOf, shownModel } from '../series.ts'

/** More groups than this have a small drawing each. */
export const MAX_LINES = 6

/** How each group looks: in the colour of the rule that drives it, as everywhere; groups of one rule differ in dashes. */
export function looksOf(groups: readonly RecordGroup[]): Look[] {
  const drivers = groups.map(({ runs }) => drivingRule(runs[0]!))
  return drivers.map((name, i) => {
    const before = drivers.slice(0, i).filter((other) => other === name).length
    return dashedAs(lookOf(shownModel(name)), before)
  })
}

/** A longer label is its number in a drawing. */
const MAX_LABEL = 14

/** The unified accuracy of all groups by round. */
export function overviewFigure(id: string, groups: readonly RecordGroup[]): Markup | undefined {
  const looks = looksOf(groups)
  const drawn = groups.flatMap((group, i): Line[] => {
    const driver = drivingRule(group.runs[0]!)
    const [unified] = accuracySeries(group.runs, (series) => series === driver)
    const name = group.label.length <= MAX_LABEL ? group.label : `no. ${i + 1}`
    return unified ? [{ name, look: looks[i]!, points: unified.points }] : []
  })
  if (drawn.length < 2) return undefined
  const rounds = thinOut(roundsOf(drawn), MAX_ROUNDS)
  const lines = atRounds(drawn, rounds)
  const title = 'Unified accuracy by round'
  const rows = rounds.map((round) => [round, ...lines.map((one) => pointOf(one, round)?.value.toFixed(2) ?? '')])
  const desc = lines.map(({ name, points }) => `${name}: ${points.at(-1)!.value.toFixed(2)} at the end`).join('; ')
  const [first = [], ...others] = lines.map(({ points }) => points.map(({ value }) => value))
  const axis = { ...PERCENT_AXIS, ...axisWithin(focusRange(first, others), [0, 100]) }
  return figure({
    id,
    title,
    caption: html`<p>Of the model that is sent to the owners. A colour is a merge rule; experiments of one rule differ in their dashes.${groups.some(({ runs }) => runs.length > 1) && ' Bands are ± one standard deviation over the seeds.'}${lines.some(({ name }) => name.startsWith('no. ')) && ' Numbers are those of the table above.'}</p>`,
    plots: bothSizes((size) => lineChart({ id: `${id}-${size}`, size, title, desc, lines, axis, legend: [], rounds })),
    table: table(['round', ...lines.map(({ name, look }) => html`${key(look)}${name}`)], rows),
    layout: 'side',
    crosshair: 'round',
  })
}
