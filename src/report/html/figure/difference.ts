import { max, min } from 'd3-array'
import { drivingRule } from '../../../runs/run-description.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, figure, signed, table } from '../chart/figure.ts'
import { banded } from '../chart/legend.ts'
import { lineChart } from '../chart/line-chart.ts'
import { key, lookOf } from '../chart/marks.ts'
import { POINTS_AXIS } from '../chart/percent.ts'
import { axisWithin, rangeFromZero, thinOut } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { atRounds, differenceSeries, pointOf, roundsOf, shownModel, spreadText } from '../series.ts'
import { MAX_ROUNDS } from './accuracy.ts'

/** What lies between models that one line of the accuracy figure would cover: points from the rule that drives. */
export function differenceFigure(id: string, { runs }: RecordGroup): Markup | undefined {
  const rule = drivingRule(runs[0]!)
  const all = differenceSeries(runs, rule)
  if (all.length === 0) return undefined
  const rounds = thinOut(roundsOf(all), MAX_ROUNDS)
  const series = atRounds(all, rounds)
  const lines = series.map((one) => ({ ...one, look: lookOf(one) })).toReversed()
  const title = `Difference to ${rule}, in points`
  const values = series.flatMap(({ points }) => points.map(({ value }) => value))
  const axis = { ...POINTS_AXIS, ...axisWithin(rangeFromZero(values), [-100, 100]) }
  const ends = series.map(({ name, points }) => `${name} ${signed(points.at(-1)!.value)}`).join(', ')
  const desc = `Accuracy minus that of ${rule}. At the last round: ${ends}. From ${signed(min(values)!)} to ${signed(max(values)!)}.`
  const rows = rounds.map((round) => [
    round,
    ...series.map((one) => {
      const point = pointOf(one, round)
      if (!point) return ''
      return point.band ? `${signed(point.value)} ${spreadText(point.band)}` : signed(point.value)
    }),
  ])
  return figure({
    id,
    title,
    caption: html`<p>Accuracy of each model minus that of ${key(lookOf(shownModel(rule)))}${rule}, the rule whose model is sent to the owners, in percentage points: above zero is better than ${rule}.${runs.length > 1 && ' Differences are taken seed by seed; lines are their means.'}</p>`,
    plots: bothSizes((size) =>
      lineChart({
        id: `${id}-${size}`,
        size,
        title,
        desc,
        lines,
        axis,
        legend: runs.length > 1 ? [banded('± 1 sd', series.map(lookOf))] : [],
        rounds,
        height: 230,
      }),
    ),
    table: table(['round', ...series.map((one) => html`${key(lookOf(one))}${one.name}`)], rows),
    layout: 'side',
    crosshair: 'round',
  })
}
