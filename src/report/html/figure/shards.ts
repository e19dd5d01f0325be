import { scaleBand, scaleLinear } from 'd3-scale'
import { thousands } from '../../../format.ts'
import { type Manifest, withoutMetrics } from '../../../runs/run-description.ts'
import { bothSizes, chart, figure, type Size, table, WIDTHS } from '../chart/figure.ts'
import { type LegendItem, legend } from '../chart/legend.ts'
import { html, type Markup, px } from '../markup.ts'

type Shards = Manifest['shards']

const MAX_OWNERS = 24

/** Who holds how many images of which class. */
export function shardsFigure(id: string, shards: Shards, names: readonly string[], seeds: readonly number[]): Markup {
  const shown = shards.slice(0, MAX_OWNERS)
  const title = 'What each owner holds'
  const rows = shown.map((shard) => [
    `owner ${shard.owner}`,
    thousands(shard.train),
    testText(shard),
    ...names.map((_, label) => counts(shard, label).reduce((a, b) => a + b, 0)),
  ])
  return figure({
    id,
    title,
    caption: html`<p>Images of each class in each owner’s shard, all rows to one scale.${shards.length > shown.length && ` The first ${shown.length} of ${shards.length} owners; all are in manifest.json.`}${seeds.length > 1 && ` Shown is seed ${seeds[0]}; other seeds draw other images.`}${withoutMetrics(shown).length > 0 && ' An owner that shares no metrics does not tell which images it tests on.'}</p>`,
    plots: bothSizes((size) => shardsChart(`${id}-${size}`, size, shown, names, title)),
    table: table(['', 'train', 'test', ...names], rows),
    layout: 'side',
  })
}

/** How many images there are to test on; an owner that shares no metrics does not tell. */
const testText = ({ test }: Shards[number]): string => (test === null ? '–' : thousands(test))

const counts = ({ train_labels, test_labels }: Shards[number], label: number): [number, number] => [
  train_labels[label] ?? 0,
  test_labels[label] ?? 0,
]

/** A row of bars for each owner, a column for each class; what is kept for testing is hollow, on top. */
export function shardsChart(id: string, size: Size, shards: Shards, names: readonly string[], title: string): Markup {
  const width = WIDTHS[size]
  const row = shards.length <= 4 ? 76 : shards.length <= 10 ? 48 : 30
  const left = 66
  const right = width - (size === 'wide' ? 60 : 4)
  const slots = scaleBand([...names.keys()], [left, right])
    .paddingInner(0.28)
    .paddingOuter(0.14)
  const slot = slots.step()
  const written = slot >= 36 && row >= 40
  const items: LegendItem[] = [
    { text: 'train', draw: (x, y) => html`<rect class="cell hit" x="${x + 4}" y="${y - 5}" width="16" height="10"/>` },
    { text: 'test', draw: (x, y) => html`<rect class="hollow hit" x="${x + 4}" y="${y - 5}" width="16" height="10"/>` },
  ]
  const head = legend(items, 0, width)
  const top = head.height + 74
  const highest = Math.max(1, ...shards.flatMap((s) => names.map((_, l) => counts(s, l)[0] + counts(s, l)[1])))
  const height = scaleLinear([0, highest], [0, row - (written ? 20 : 8)])
  const labels = names.map((name, i) => {
    const x = slots(i)! + slots.bandwidth() / 2
    return html`<text class="small name" transform="translate(${px(x + 3)} ${top - 4}) rotate(-${size === 'wide' ? 40 : 90})">${name}</text>`
  })
  const rows = shards.map((shard, s) => {
    const base = top + (s + 1) * row
    const bars = names.map((_, label) => {
      const [train, test] = counts(shard, label)
      if (train + test === 0) return undefined
      const x = slots(label)!
      const bar = slots.bandwidth()
      const [trainHeight, testHeight] = [height(train), height(test)]
      const number =
        written &&
        html`<text class="tiny name" x="${px(x + bar / 2)}" y="${px(base - trainHeight - testHeight - 4)}" text-anchor="middle">${thousands(train + test)}</text>`
      return html`<g><title>owner ${shard.owner}, ${names[label]!}: ${train} train${shard.test !== null && `, ${test} test`}</title><rect class="cell hit" x="${px(x)}" y="${px(base - trainHeight)}" width="${px(bar)}" height="${px(trainHeight)}"/>${test > 0 && html`<rect class="hollow thin hit" x="${px(x + 0.5)}" y="${px(base - trainHeight - testHeight)}" width="${px(bar - 1)}" height="${px(testHeight)}"/>`}${number}</g>`
    })
    const total =
      size === 'wide' &&
      html`<text class="small" x="${width}" y="${px(base - 4)}" text-anchor="end">${thousands(shard.train + (shard.test ?? 0))}</text>`
    return html`<g><text class="small" x="0" y="${px(base - 4)}">owner ${shard.owner}</text>${bars}${total}<path class="axis" d="M${left} ${px(base)}H${px(right)}"/></g>`
  })
  const desc = shards.map((s) => `owner ${s.owner}: ${thousands(s.train)} train, ${testText(s)} test`).join('; ')
  const body = html`${head.markup}${labels}${rows}`
  return chart({ id, width, height: top + shards.length * row + 6, title, desc, only: size, body })
}
