import { type NoisyRun, noiseWarnings } from '../../../config/noise-words.ts'
import { withoutMetrics } from '../../../runs/run-description.ts'
import { epsilonText, shortNumber, spentText } from '../../privacy-text.ts'
import type { RecordGroup, RunRecord } from '../../run-record.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { lineChart } from '../chart/line-chart.ts'
import { lookOf } from '../chart/marks.ts'
import { axisWithin, rangeFromZero, thinOut } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { atRounds, roundsOf, seriesFrom } from '../series.ts'
import { MAX_ROUNDS } from './accuracy.ts'

/** What a run's noise is judged by, from its manifest. */
const noisyRun = ({ manifest: { config, model, shards } }: RunRecord): NoisyRun => ({
  experiment: config,
  parameters: model.parameters,
  tells: {
    metrics: withoutMetrics(shards).length < shards.length,
    labels: shards.some(({ train_labels }) => train_labels.length > 0),
  },
})

/** What the noise has cost by round, and what it hides in this very run; nothing if no noise is added. */
export function privacyFigure(id: string, { runs }: RecordGroup): Markup | undefined {
  const run = runs.find(({ privacy }) => privacy !== undefined && privacy.length > 0)
  if (!run) return undefined
  const rows = run.privacy!
  const title = 'Privacy: epsilon by round'
  const all = seriesFrom(
    rows.flatMap(({ round, epsilon }) => (epsilon === undefined ? [] : [{ series: 'epsilon', round, value: epsilon }])),
  )
  const rounds = thinOut(roundsOf(all), MAX_ROUNDS)
  const series = atRounds(all, rounds)
  const values = series.flatMap(({ points }) => points.map(({ value }) => value))
  const axis = { ...EPSILON_AXIS, ...axisWithin(rangeFromZero(values), [0, Number.POSITIVE_INFINITY]) }
  const words = [spentText(run), ...noiseWarnings(noisyRun(run))]
  const list = html`<ul>${words.map((line) => line && html`<li>${line}</li>`)}</ul>`
  if (values.length === 0) return html`<section class="block" id="${id}"><h3>Privacy: no epsilon</h3>${list}</section>`
  return figure({
    id,
    title,
    caption: list,
    plots: bothSizes((size) =>
      lineChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: `At the last round: ${epsilonText(rows.at(-1)!.epsilon)}.`,
        lines: series.map((one) => ({ ...one, look: lookOf(one) })),
        axis,
        legend: [],
        rounds,
        height: 200,
      }),
    ),
    table: table(
      ['round', 'noise', 'clip', 'epsilon', 'delta'],
      rows
        .filter(({ round }) => rounds.includes(round))
        .map(({ round, noise, clip, epsilon, delta }) => {
          return [round, shortNumber(noise), shortNumber(clip), epsilonText(epsilon), delta]
        }),
    ),
    layout: 'side',
    crosshair: 'round',
  })
}

const EPSILON_AXIS = { text: (tick: number) => String(tick), end: (value: number) => epsilonText(value) }
