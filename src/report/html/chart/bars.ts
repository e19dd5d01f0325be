import { scaleLinear } from 'd3-scale'
import { html, type Markup, px } from '../markup.ts'
import { chart, type Size, WIDTHS } from './figure.ts'
import { type LegendItem, legend } from './legend.ts'
import { marker } from './marks.ts'
import type { Range } from './scale.ts'

/** A row of a bar chart. */
export interface Bar {
  readonly name: string
  /** Where the bar ends. */
  readonly value: number
  /** What stands at the right: its value, and what else belongs to it. */
  readonly text: string
  /** Class that sets the colour. */
  readonly color: string
  /** A second value, drawn as a ring. */
  readonly ring?: number
}

export interface BarChart {
  readonly id: string
  readonly size: Size
  readonly title: string
  readonly desc: string
  readonly bars: readonly Bar[]
  /** Where all bars begin. */
  readonly from: number
  readonly domain: Range
  readonly ticks: readonly number[]
  /** Writes a tick. */
  readonly tickText: (tick: number) => string
  readonly legend?: readonly LegendItem[]
}

const ROW = 26

/** Widths of a letter, and of the most letters of a name. */
const LETTER = 6.8
const MOST: Readonly<Record<Size, number>> = { wide: 30, narrow: 18 }

/** A row for each bar, from a common value to the left or to the right. */
export function barChart({ id, size, title, desc, bars, from, domain, ticks, tickText, ...more }: BarChart): Markup {
  const width = WIDTHS[size]
  const head = legend(more.legend ?? [], 0, width)
  const names = bars.map(({ name }) => (name.length > MOST[size] ? `${name.slice(0, MOST[size] - 1)}…` : name))
  const left = 12 + LETTER * longest(names)
  const right = width - 12 - LETTER * longest(bars.map(({ text }) => text))
  const x = scaleLinear(domain, [left + 6, right - 6])
  const top = head.height + 6
  const bottom = top + bars.length * ROW
  const grid = apart(ticks, x, tickText).map(
    (tick) =>
      html`<path class="grid" d="M${px(x(tick))} ${top}V${bottom}"/><text class="tick" x="${px(x(tick))}" y="${bottom + 16}" text-anchor="middle">${tickText(tick)}</text>`,
  )
  const rows = bars.map(({ name, value, text, color, ring }, i) => {
    const y = top + (i + 0.5) * ROW
    const [low, high] = [x(Math.min(from, value)), x(Math.max(from, value))]
    return html`<g><title>${name}: ${text}</title><text x="${px(left - 4)}" y="${px(y + 4)}" text-anchor="end">${names[i]!}</text><rect class="cell ${color}" x="${px(low)}" y="${px(y - 6)}" width="${px(Math.max(1, high - low))}" height="12"/>${ring !== undefined && marker('circle', x(ring), y, 5, 'dot local')}<text class="strong" x="${width}" y="${px(y + 4)}" text-anchor="end">${text}</text></g>`
  })
  const axis = html`<path class="axis" d="M${px(x(from))} ${top}V${bottom}"/>`
  return chart({
    id,
    width,
    height: bottom + 22,
    title,
    desc,
    only: size,
    body: html`${head.markup}${grid}${rows}${axis}`,
  })
}

/** As many of the ticks as have room for their texts: all, every second, … */
function apart(ticks: readonly number[], x: (tick: number) => number, text: (tick: number) => string): number[] {
  const [first = 0, second = 0] = ticks
  const every = Math.ceil((LETTER * longest(ticks.map(text)) + 8) / (x(second) - x(first) || 1))
  return ticks.filter((_, i) => i % Math.max(1, every) === 0)
}

const longest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => text.length))

/** A filled box, as a bar has it. */
export const boxed = (text: string, color: string): LegendItem => ({
  text,
  draw: (x, y) => html`<rect class="cell ${color}" x="${x + 4}" y="${y - 5}" width="16" height="10"/>`,
})

/** A ring, as a second value has it. */
export const ringed = (text: string): LegendItem => ({
  text,
  draw: (x, y) => marker('circle', x + 11, y, 5, 'dot local'),
})
