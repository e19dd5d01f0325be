import { LAST_EPOCH_TEXT } from '../../../paper/tables.ts'
import { html, type Markup, px } from '../markup.ts'
import type { Point } from '../series.ts'
import { chart } from './figure.ts'
import { dashed, type LegendItem, type Look, legend, markerPath } from './marks.ts'
import { linear, percentAxis, roundTicks, spread } from './scale.ts'

/** A series of a line chart and how it looks. */
export interface Line {
  readonly name: string
  readonly look: Look
  readonly points: readonly Point[]
}

/** A figure of the paper, drawn hollow; `end` stands behind the axis, at the paper's last row. */
export interface Reference {
  readonly look: Look
  readonly round: number | 'end'
  /** Percent. */
  readonly value: number
}

export interface LineChart {
  readonly id: string
  readonly size: 'wide' | 'narrow'
  readonly title: string
  readonly desc: string
  /** The last is drawn on top. */
  readonly lines: readonly Line[]
  readonly references: readonly Reference[]
  readonly legend: readonly LegendItem[]
  /** In ascending order. */
  readonly rounds: readonly number[]
}

const SIZES = { wide: { width: 720, height: 400, markers: 12 }, narrow: { width: 344, height: 330, markers: 6 } }
const END = 52
/** Letters of a name at the end of a line. */
const MAX_NAME = 16

/** Accuracy in percent by round: lines with their names at their ends, bands around them, hollow references. */
export function lineChart({ id, size, title, desc, lines, references, legend: items, rounds }: LineChart): Markup {
  const { width, height, markers } = SIZES[size]
  const ends = lines.map((line) => {
    const last = line.points.at(-1)!
    const name = line.name.length > MAX_NAME ? `${line.name.slice(0, MAX_NAME - 1)}…` : line.name
    return { line, last, text: size === 'wide' ? `${name} ${last.value.toFixed(2)}` : name }
  })
  const head = legend(items, 0, width)
  const labels = 8 + 6.9 * Math.max(0, ...ends.map(({ text }) => text.length))
  const hasEnd = references.some(({ round }) => round === 'end')
  const top = head.height + 10
  const bottom = height - 38
  const left = 46
  const right = width - labels - (hasEnd ? END : 8)

  const values = lines.flatMap(({ points }) => points.flatMap((p) => [p.value, ...(p.band ?? [])]))
  const axis = percentAxis([...values, ...references.map(({ value }) => value)])
  const y = linear(axis.domain, [bottom, top])
  const x = linear([rounds[0]!, rounds.at(-1)!], rounds.length > 1 ? [left + 10, right - 6] : [left, right])
  const endX = right + END / 2
  const at = (round: number | 'end') => (round === 'end' ? endX : x(round))
  const clamp = (percent: number) => Math.max(axis.domain[0], Math.min(100, percent))

  const grid = axis.ticks.map(
    (tick) =>
      html`<path class="grid" d="M${left} ${px(y(tick))}H${px(right)}"/><text class="tick" x="${left - 6}" y="${px(y(tick) + 4)}" text-anchor="end">${tick === 100 ? `100\u00a0%` : tick}</text>`,
  )
  const ticks = roundTicks(rounds[0]!, rounds.at(-1)!, size === 'wide' ? 9 : 6).map(
    (round) =>
      html`<path class="axis" d="M${px(x(round))} ${px(bottom)}v4"/><text class="tick" x="${px(x(round))}" y="${px(bottom + 17)}" text-anchor="middle">${round}</text>`,
  )
  const paperEnd =
    hasEnd &&
    html`<rect class="wash" x="${px(right + 4)}" y="${px(top - 6)}" width="${END - 8}" height="${px(bottom - top + 6)}"/><text class="tick" x="${px(endX)}" y="${px(bottom + 17)}" text-anchor="middle">${LAST_EPOCH_TEXT}</text><text class="tick" x="${px(endX)}" y="${px(bottom + 32)}" text-anchor="middle">paper</text>`
  const places = spread(
    ends.map(({ last }) => y(last.value)),
    14,
    [top, bottom],
  )
  const names = ends.map(({ line, last, text }, i) => {
    const from = x(last.round) + 6
    const to = right + (hasEnd ? END : 8)
    return html`<g class="${line.look.color}"><path class="lead" d="M${px(from)} ${px(y(last.value))}L${px(to - 2)} ${px(places[i]!)}"/><text class="ink${line.look.shape && ' strong'}" x="${px(to)}" y="${px(places[i]! + 4)}">${text}</text></g>`
  })
  const body = html`${head.markup}${paperEnd}<g>${grid}<path class="axis" d="M${left} ${px(bottom)}H${px(right)}"/>${ticks}<text class="tick" x="${px((left + right) / 2)}" y="${px(bottom + 32)}" text-anchor="middle">round</text></g>
${lines.map((line) => drawBand(line, x, (v) => y(clamp(v))))}
${lines.map((line) => drawLine(line, x, y, markers))}
${references.map(({ look, round, value }) => look.shape && html`<path class="hollow ${look.color}" d="${markerPath(look.shape, at(round), y(value), 4.5)}"/>`)}
${names}<path class="cross" d="M0 ${px(top - 6)}V${px(bottom)}"/>`
  return chart({
    id,
    width,
    height,
    title,
    desc,
    only: size,
    stops: [...rounds.map(x), ...(hasEnd ? [endX] : [])],
    body,
  })
}

type Scale = (value: number) => number

function drawBand({ look, points }: Line, x: Scale, y: Scale): Markup | undefined {
  const banded = points.flatMap(({ round, band }) => (band ? [{ round, low: band[0], high: band[1] }] : []))
  if (banded.length === 0) return undefined
  const up = banded.map(({ round, high }) => `${px(x(round))} ${px(y(high))}`)
  const down = banded.toReversed().map(({ round, low }) => `${px(x(round))} ${px(y(low))}`)
  return html`<path class="band ${look.color}" d="M${[...up, ...down].join('L')}Z"/>`
}

function drawLine({ look, points, name }: Line, x: Scale, y: Scale, markers: number): Markup {
  const spots = points.map(({ round, value }) => `${px(x(round))} ${px(y(value))}`)
  const every = Math.ceil(points.length / markers)
  const marked = points.filter((_, i) => (points.length - 1 - i) % every === 0)
  const { shape } = look
  const shapes = shape && marked.map(({ round, value }) => markerPath(shape, x(round), y(value), 4)).join('')
  // A single round is no line: a dot says where it is.
  const dot = !shape && points.length === 1 && markerPath('circle', x(points[0]!.round), y(points[0]!.value), 2.5)
  return html`<g class="${look.color}" data-series="${name}"><path class="line" d="M${spots.join('L')}" stroke-width="${look.width}"${dashed(look)}/>${(shapes || dot) && html`<path class="solid" d="${shapes || dot}"/>`}</g>`
}
