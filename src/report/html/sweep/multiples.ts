import { extent } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import { line } from 'd3-shape'
import { drivingRule } from '../../../runs/run-description.ts'
import { POOLED_SERIES } from '../../../runs/series-name.ts'
import { quantile } from '../../../stats.ts'
import type { RecordGroup } from '../../run-record.ts'
import { chart } from '../chart/figure.ts'
import { dashed, lookOf } from '../chart/marks.ts'
import { axisWithin, focusRange, type Range, thinOut } from '../chart/scale.ts'
import { html, type Markup, px } from '../markup.ts'
import { accuracySeries, atRounds, type Point, roundsOf, type Series } from '../series.ts'

/** A small drawing has room for no more rounds. */
const MAX_ROUNDS = 60

interface Small {
  readonly number: number
  readonly label: string
  readonly lines: readonly Series[]
}

/** A small drawing for each group that has an accuracy, all to one scale; undefined if none has. */
export function multiples(id: string, groups: readonly RecordGroup[]): Markup | undefined {
  const all = groups.map(({ runs, label }, i): Small => {
    const driver = drivingRule(runs[0]!)
    // In the tables of a run, unified models stand before the baseline.
    const lines = accuracySeries(runs, (series) => series === driver || series === POOLED_SERIES)
    return { number: i + 1, label, lines: atRounds(lines, thinOut(roundsOf(lines), MAX_ROUNDS)) }
  })
  const drawn = all.filter(({ lines }) => lines.length > 0)
  if (drawn.length === 0) return undefined
  const axis = axisWithin(rangeOf(drawn), [0, 100])
  const [first = 1, last = 1] = extent(drawn.flatMap(({ lines }) => roundsOf(lines)))
  return html`<section class="block" id="${id}"><h3>Unified accuracy by round</h3><p class="muted">Of the model that is sent to the owners, all to one scale: ${axis.domain[0]} to ${axis.domain[1]}\u00a0%, rounds ${first} to ${last}. What lies below is drawn at the lower edge. A colour is a merge rule; dashed: the pooled baseline.</p>
<div class="multiples">${drawn.map((one) => small(id, one, axis, [first, last]))}</div></section>
`
}

/** The range of the one that ends in the middle, and where all but the worst tenth end. */
function rangeOf(drawn: readonly Small[]): Range {
  const values = drawn.map(({ lines }) => lines[0]!.points.map(({ value }) => value))
  const byEnd = values.toSorted((a, b) => a.at(-1)! - b.at(-1)!)
  const ends = byEnd.map((one) => one.at(-1)!)
  const pooled = drawn.flatMap(({ lines }) => lines.slice(1).map(({ points }) => points.at(-1)!.value))
  const [low, high] = focusRange(byEnd[Math.floor(byEnd.length / 2)]!, [])
  return [Math.min(low, quantile(ends, 0.1)), Math.max(high, ...ends, ...pooled)]
}

const WIDTH = 220
const HEIGHT = 92

function small(
  id: string,
  { number, label, lines }: Small,
  { domain, ticks }: { readonly domain: Range; readonly ticks: readonly number[] },
  rounds: Range,
): Markup {
  const x = scaleLinear(rounds, [26, WIDTH - 4])
  const y = scaleLinear(domain, [HEIGHT - 6, 6]).clamp(true)
  const path = line<Point>(
    ({ round }) => x(round),
    ({ value }) => y(value),
  ).digits(1)
  const shown = [ticks[0]!, ticks.at(-1)!]
  const grid = shown.map(
    (tick) =>
      html`<path class="grid" d="M26 ${px(y(tick))}H${WIDTH}"/><text class="tiny tick" x="22" y="${px(y(tick) + 3.5)}" text-anchor="end">${tick}</text>`,
  )
  const drawn = lines.toReversed().map((one) => {
    const look = lookOf(one)
    return html`<path class="line ${look.color}" d="${path(one.points as Point[]) ?? ''}" stroke-width="${one.kind === 'pooled' ? 1 : 1.75}"${dashed(look)}/>`
  })
  const end = lines[0]!.points.at(-1)!.value.toFixed(2)
  const drawing = chart({
    id: `${id}-${number}`,
    width: WIDTH,
    height: HEIGHT,
    title: label,
    desc: `${lines[0]!.name}: ${end} at the end`,
    body: html`${grid}${drawn}`,
  })
  return html`<a href="#g${number}"><strong>${end}</strong>${number}. ${label}${drawing}</a>`
}
