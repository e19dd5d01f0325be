import { group, max, mean, min } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import { drivingRule } from '../../../runs/run-description.ts'
import type { RecordGroup } from '../../run-record.ts'
import { bothSizes, chart, figure, type Size, signed, table, WIDTHS } from '../chart/figure.ts'
import { type LegendItem, legend } from '../chart/legend.ts'
import { type Look, lookOf, marker } from '../chart/marks.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup, px } from '../markup.ts'
import { shownModel } from '../series.ts'
import { judgedRuns } from '../verdict.ts'

/** How an owner fares on its own test images, in percent, at the last round; means over the seeds. */
export interface OwnTest {
  readonly owner: number
  readonly local: number
  /** The unified model as the owner received it, before it trained. */
  readonly received: number
}

/** Of more owners than this, those that gain least and most are drawn. */
const MAX_OWNERS = 24

/** Each owner at the last round; none before the second, where the received model has not been trained. */
export function ownTests(group_: RecordGroup): OwnTest[] {
  const rows = judgedRuns(group_).flatMap(({ local, rounds }) =>
    rounds < 2 ? [] : local.filter(({ round, copied_accuracy }) => round === rounds && copied_accuracy !== undefined),
  )
  return [...group(rows, ({ owner }) => owner)]
    .map(([owner, own]) => ({
      owner,
      local: 100 * mean(own, (row) => row.local_accuracy)!,
      received: 100 * mean(own, (row) => row.copied_accuracy)!,
    }))
    .sort((a, b) => a.owner - b.owner)
}

/** Is the unified model better on an owner's own test images than its local one? */
export function ownTestFigure(id: string, records: RecordGroup): Markup | undefined {
  const all = ownTests(records)
  if (all.length === 0) return undefined
  const rule = drivingRule(records.runs[0]!)
  const gain = ({ local, received }: OwnTest) => received - local
  const byGain = all.toSorted((a, b) => gain(a) - gain(b))
  const half = MAX_OWNERS / 2
  const shown = all.length <= MAX_OWNERS ? all : [...byGain.slice(0, half), ...byGain.slice(-half)]
  const better = all.filter((one) => gain(one) > 0).length
  const title = 'Per owner: local → unified'
  const rows = shown.map((one) => [
    `owner ${one.owner}`,
    one.local.toFixed(2),
    one.received.toFixed(2),
    signed(gain(one)),
  ])
  return figure({
    id,
    title,
    caption: html`<p>Both models on the owner’s own test images: its local model after the last round, and the unified model (${rule}) that it received at the start of that round. ${better} of ${all.length} owners are better off with the unified model.${shown.length < all.length && ` Shown are the ${half} that gain least and the ${half} that gain most; all are in local.csv.`}</p>`,
    plots: bothSizes((size) => ownTestChart(`${id}-${size}`, size, shown, lookOf(shownModel(rule)), title)),
    table: table(['', 'local %', 'received unified %', 'unified − local'], rows),
    layout: 'side',
  })
}

const ROW = 26

export function ownTestChart(id: string, size: Size, owners: readonly OwnTest[], look: Look, title: string): Markup {
  const width = WIDTHS[size]
  const items: LegendItem[] = [
    { text: 'local model', draw: (x, y) => marker('circle', x + 11, y, 4.5, 'hollow local') },
    { text: 'unified model, as received', draw: (x, y) => marker(look.shape!, x + 11, y, 4.5, `solid ${look.color}`) },
  ]
  const head = legend(items, 0, width)
  const [left, right] = [76, width - 64]
  const values = owners.flatMap(({ local, received }) => [local, received])
  const { domain, ticks } = axisWithin([min(values)! - 0.5, max(values)! + 0.5], [0, 100])
  const x = scaleLinear(domain, [left + 8, right - 8])
  const top = head.height + 6
  const bottom = top + owners.length * ROW
  const grid = ticks.map(
    (tick) =>
      html`<path class="grid" d="M${px(x(tick))} ${top}V${bottom}"/><text class="tick" x="${px(x(tick))}" y="${bottom + 16}" text-anchor="middle">${tick}${tick === ticks.at(-1) && '\u00a0%'}</text>`,
  )
  const rows = owners.map(({ owner, local, received }, i) => {
    const y = top + (i + 0.5) * ROW
    return html`<g><text x="${left - 4}" y="${px(y + 4)}" text-anchor="end">owner ${owner}</text><path class="${look.color} line" stroke-width="2" d="M${px(x(local))} ${px(y)}H${px(x(received))}"/>${marker('circle', x(local), y, 5, 'dot local')}${marker(look.shape!, x(received), y, 5, `solid ${look.color}`)}<text class="strong" x="${width}" y="${px(y + 4)}" text-anchor="end">${signed(received - local)}</text></g>`
  })
  const desc = owners
    .map(({ owner, local, received }) => `owner ${owner}: ${local.toFixed(2)} to ${received.toFixed(2)}`)
    .join('; ')
  return chart({ id, width, height: bottom + 22, title, desc, only: size, body: html`${head.markup}${grid}${rows}` })
}
