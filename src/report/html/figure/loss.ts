import { drivingRule } from '../../../runs/run-description.ts'
import { localSeries } from '../../../runs/series-name.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { sampled } from '../chart/legend.ts'
import { lineChart } from '../chart/line-chart.ts'
import { key, lookOf } from '../chart/marks.ts'
import { LOSS_AXIS } from '../chart/percent.ts'
import { axisWithin, rangeFromZero, thinOut } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { atRounds, pointOf, roundsOf, type Sample, type Series, seriesFrom } from '../series.ts'
import { MAX_ROUNDS } from './accuracy.ts'

/** Mean loss by round: of each owner on what it trains on, and of the unified model and the baseline on test images. */
export function lossFigure(id: string, { runs }: RecordGroup): Markup {
  const rule = drivingRule(runs[0]!)
  const samples = runs.flatMap(({ local, unified }): Sample[] => [
    ...unified.flatMap(({ merge, round, loss }) => (loss === undefined ? [] : { series: merge, round, value: loss })),
    ...local.flatMap(({ owner, round, train_loss: value }) =>
      value === undefined ? [] : { series: localSeries(owner), round, value },
    ),
  ])
  const all = seriesFrom(samples).filter(({ name, kind }) => kind !== 'unified' || name === rule)
  const rounds = thinOut(roundsOf(all), MAX_ROUNDS)
  const series = atRounds(all, rounds)
  const title = 'Loss by round'
  const values = series.flatMap(({ points }) => points.map(({ value }) => value))
  const axis = { ...LOSS_AXIS, ...axisWithin(rangeFromZero(values), [0, Number.POSITIVE_INFINITY]) }
  const ends = series.map((one) => `${nameOf(one)} ${one.points.at(-1)!.value.toFixed(3)}`).join(', ')
  const rows = rounds.map((round) => [round, ...series.map((one) => pointOf(one, round)?.value.toFixed(4) ?? '')])
  return figure({
    id,
    title,
    caption: html`<p>Mean cross-entropy. Grey: an owner’s loss on its own training images while it trains. Coloured or black: the loss on test images. If it rises while the training loss falls, the model overfits.${runs.length > 1 && ` Means of ${runs.length} seeds.`}</p>`,
    plots: bothSizes((size) =>
      lineChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: `At the last round: ${ends}.`,
        lines: series.map((one) => ({ ...one, look: lookOf(one) })).toReversed(),
        axis,
        legend: series
          .filter(({ kind }, i) => kind !== 'local' || i === series.findIndex((one) => one.kind === 'local'))
          .map((one) => sampled(one.kind === 'local' ? 'owners, training images' : nameOf(one), lookOf(one))),
        rounds,
        height: 250,
      }),
    ),
    table: table(['round', ...series.map((one) => html`${key(lookOf(one))}${nameOf(one)}`)], rows),
    layout: 'side',
    crosshair: 'round',
  })
}

function nameOf({ name, kind, owners }: Series): string {
  if (owners) return `median of ${owners} owners, training`
  return kind === 'local' ? `${name}, training` : `${name}, test`
}
