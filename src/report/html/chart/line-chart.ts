import { scaleLinear } from 'd3-scale'
import { area, line as linePath } from 'd3-shape'
import { html, type Markup, px } from '../markup.ts'
import type { Point } from '../series.ts'
import { chart, type Size, WIDTHS } from './figure.ts'
import { endLabels, labelWidth } from './labels.ts'
import { type LegendItem, legend } from './legend.ts'
import { dashed, type Look, marker } from './marks.ts'
import { outlierLegend, outlierMarks, outliersOf } from './outliers.ts'
import { type PaperColumn, panelWidth, paperPanel } from './paper-panel.ts'
import { type Range, roundTicks } from './scale.ts'

/** A series of a line chart and how it looks. */
export interface Line {
  readonly name: string
  readonly look: Look
  readonly points: readonly Point[]
}

/** The vertical axis. */
export interface ValueAxis {
  readonly domain: Range
  readonly ticks: readonly number[]
  /** Writes a tick. */
  readonly text: (tick: number) => string
  /** Writes the value at the end of a line. */
  readonly end: (value: number) => string
}

/** A horizontal axis. */
interface Across {
  readonly title: string
  readonly ticks: readonly number[]
  /** Writes a tick; default: its number. */
  readonly text?: (tick: number) => string
}

export interface LineChart {
  readonly id: string
  readonly size: Size
  readonly title: string
  readonly desc: string
  /** The last is drawn on top. */
  readonly lines: readonly Line[]
  readonly axis: ValueAxis
  /** What the paper prints, right of the names; a narrow drawing has the last column alone. */
  readonly paper?: readonly PaperColumn[] | undefined
  readonly legend: readonly LegendItem[]
  /** In ascending order. */
  readonly rounds: readonly number[]
  /** The horizontal axis, if it has no rounds but other numbers. */
  readonly across?: Across
  /** Of the drawing without its legend. */
  readonly height?: number
}

/** The height without the legend, and about how many markers a line has. */
const ROOM: Readonly<Record<Size, { height: number; markers: number }>> = {
  wide: { height: 340, markers: 12 },
  narrow: { height: 270, markers: 6 },
}

/** Letters of a name at the end of a line. */
const MAX_NAME = 16

/** Values by round: lines with their names at their ends, bands around them, and what the paper prints. */
export function lineChart(given: LineChart): Markup {
  const { id, size, title, desc, lines, axis, rounds } = given
  const width = WIDTHS[size]
  const { height, markers } = ROOM[size]
  const paper = (given.paper ?? []).slice(size === 'wide' ? 0 : -1)
  const outliers = outliersOf(lines, axis.domain)
  const head = legend([...given.legend, ...outlierLegend(outliers)], 0, width)
  const ends = lines.map((one) => endOf(one, axis, size))
  const top = head.height + 10
  const bottom = top + (given.height ?? height) - 48
  const left = 46
  const panel = paper.length > 0 ? panelWidth(paper) : 0
  const right = width - labelWidth(ends) - panel - 6
  const y = scaleLinear(axis.domain, [bottom, top])
  const [first, last] = [rounds[0]!, rounds.at(-1)!]
  const x = scaleLinear([first, last], rounds.length > 1 ? [left + 10, right - 6] : [left, right])
  const printed = paperPanel(paper, width - panel + 8, [top, bottom], y)

  const grid = axis.ticks.map(
    (tick) =>
      html`<path class="${tick === 0 && axis.domain[0] < 0 ? 'axis' : 'grid'}" d="M${left} ${px(y(tick))}H${px(right)}"/><text class="tick" x="${left - 6}" y="${px(y(tick) + 4)}" text-anchor="end">${axis.text(tick)}</text>`,
  )
  const across: Across = given.across ?? { title: 'round', ticks: roundTicks(first, last, size === 'wide' ? 9 : 6) }
  const ticks = across.ticks.map(
    (round) =>
      html`<path class="axis" d="M${px(x(round))} ${px(bottom)}v4"/><text class="tick" x="${px(x(round))}" y="${px(bottom + 17)}" text-anchor="middle">${across.text?.(round) ?? round}</text>`,
  )
  const names = endLabels(
    ends.map((end) => ({ ...end, y: Math.max(top, Math.min(bottom, y(end.value))) })),
    right + 6,
    [top, bottom],
  )
  // An inner drawing shows nothing beyond its frame.
  const frame = [left, top - 5, right - left + 5, bottom - top + 5].map(px)
  const body = html`${head.markup}<g>${grid}<path class="axis" d="M${left} ${px(bottom)}H${px(right)}"/>${ticks}<text class="tick" x="${px((left + right) / 2)}" y="${px(bottom + 32)}" text-anchor="middle">${across.title}</text></g>
<svg x="${frame[0]!}" y="${frame[1]!}" width="${frame[2]!}" height="${frame[3]!}" viewBox="${frame.join(' ')}" overflow="hidden">${lines.map((one) => drawBand(one, x, y))}
${lines.map((one) => drawLine(one, x, y, markers))}</svg>
${outlierMarks(outliers, x, [top, bottom], markers)}${names}${printed.middles.length > 0 && printed.markup}<path class="cross" d="M0 ${px(top - 6)}V${px(bottom)}"/>`
  const stops = [...rounds.map((round) => x(round)), ...printed.middles.slice(-1)]
  return chart({ id, width, height: bottom + 38, title, desc, only: size, stops, body })
}

function endOf({ name, look, points }: Line, axis: ValueAxis, size: Size) {
  const { value } = points.at(-1)!
  const short = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name
  return { look, value, text: size === 'wide' ? `${short} ${axis.end(value)}` : short }
}

type Scale = (value: number) => number

function drawBand({ look, points }: Line, x: Scale, y: Scale): Markup | undefined {
  const path = area<Point>()
    .defined(({ band }) => band !== undefined)
    .x(({ round }) => x(round))
    .y0(({ band }) => y(band![0]))
    .y1(({ band }) => y(band![1]))
    .digits(1)(points as Point[])
  return path ? html`<path class="band ${look.color}" d="${path}"/>` : undefined
}

function drawLine({ look, points, name }: Line, x: Scale, y: Scale, markers: number): Markup {
  const path = linePath<Point>(
    ({ round }) => x(round),
    ({ value }) => y(value),
  ).digits(1)(points as Point[])
  const every = Math.ceil(points.length / markers)
  const marked = points.filter((_, i) => (points.length - 1 - i) % every === 0)
  const { shape } = look
  const marks = shape && marked.map(({ round, value }) => marker(shape, x(round), y(value), 4, 'solid'))
  // A single round is no line: a dot says where it is.
  const dot = !shape && points.length === 1 && marker('circle', x(points[0]!.round), y(points[0]!.value), 2.5, 'solid')
  return html`<g class="${look.color}" data-series="${name}"><path class="line" d="${path ?? ''}" stroke-width="${look.width}"${dashed(look)}/>${marks}${dot}</g>`
}
