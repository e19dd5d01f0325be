import { max } from 'd3-array'
import type { Line } from '../../../explain/explain-run.ts'
import { percent } from '../../../format.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { lineChart } from '../chart/line-chart.ts'
import type { Look } from '../chart/marks.ts'
import { LOSS_AXIS } from '../chart/percent.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'

const LOOK: Look = { color: 'hit', shape: 'circle', dash: undefined, width: 2 }

/** What lies on the line between the two owners' models that are farthest apart; undefined if no loss is finite. */
export function betweenFigure(id: string, { owners: [one, other], points }: Line, of: string): Markup | undefined {
  const known = points.filter(({ loss }) => Number.isFinite(loss))
  if (known.length === 0) return undefined
  const title = `From owner ${one} to owner ${other}${of}`
  const highest = max(known, ({ loss }) => loss)!
  const lossText = (loss: number) => (Number.isFinite(loss) ? loss.toFixed(3) : '–')
  const rows = points.map(({ share, accuracy, loss }) => [share.toFixed(1), lossText(loss), percent(accuracy)])
  const ends = [points[0]!, points.at(-1)!, points[Math.floor(points.length / 2)]!]
  const [first, last, middle] = ends.map(({ loss, accuracy }) => `loss ${lossText(loss)}, ${percent(accuracy)}\u00a0%`)
  return figure({
    id,
    title,
    caption: html`<p>The loss on all test images along the straight line between the two owners’ models that lie farthest apart, 0 the model of owner ${one}, 1 that of owner ${other}; both as they were handed in, in the last round whose weights were kept. A hill in between: what averages them loses. A valley: each lacks what the other has learnt.</p>`,
    plots: bothSizes((size) =>
      lineChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: `Owner ${one}: ${first}. In the middle: ${middle}. Owner ${other}: ${last}.`,
        lines: [{ name: 'loss', look: LOOK, points: known.map(({ share, loss }) => ({ round: share, value: loss })) }],
        axis: { ...LOSS_AXIS, ...axisWithin([0, highest], [0, Number.POSITIVE_INFINITY]) },
        legend: [],
        rounds: points.map(({ share }) => share),
        across: { title: `share of owner ${other}`, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
        height: 250,
      }),
    ),
    table: table(['share', 'loss', 'accuracy %'], rows),
    layout: 'side',
    crosshair: 'share',
  })
}
