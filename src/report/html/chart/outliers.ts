import { group } from 'd3-array'
import { html, type Markup, px } from '../markup.ts'
import type { Point } from '../series.ts'
import type { LegendItem } from './legend.ts'
import type { Look } from './marks.ts'
import type { Range } from './scale.ts'

/** A line's points outside the range of the axis. */
export interface Outlier {
  readonly name: string
  readonly look: Look
  readonly point: Point
  readonly below: boolean
}

export function outliersOf(
  lines: readonly { readonly name: string; readonly look: Look; readonly points: readonly Point[] }[],
  [low, high]: Range,
): Outlier[] {
  return lines.flatMap(({ name, look, points }) =>
    points
      .filter(({ value }) => value < low || value > high)
      .map((point) => ({ name, look, point, below: point.value < low })),
  )
}

/**
 * Arrows at the edge for what lies beyond it; those of one round are in a pile.
 * @param most about so many of each line
 */
export function outlierMarks(
  outliers: readonly Outlier[],
  x: (round: number) => number,
  [top, bottom]: Range,
  most: number,
): Markup[] {
  const piles = new Map<string, number>()
  const shown = [...group(outliers, ({ name, below }) => `${below} ${name}`).values()].flatMap((own) => {
    const every = Math.ceil(own.length / most)
    return own.filter((_, i) => i % every === 0)
  })
  return shown.map(({ look, point, below }) => {
    const pile = `${below} ${point.round}`
    const height = piles.get(pile) ?? 0
    piles.set(pile, height + 1)
    const y = below ? bottom - 2 - 7 * height : top + 2 + 7 * height
    return arrow(look, x(point.round), y, below)
  })
}

const arrow = (look: Look, x: number, y: number, below: boolean) =>
  html`<path class="edge ${look.color}" d="M${px(x - 4)} ${px(y + (below ? -5 : 5))}h8L${px(x)} ${px(y)}Z"/>`

/** What the arrows mean, with the farthest of them. */
export function outlierLegend(outliers: readonly Outlier[]): LegendItem[] {
  return [true, false].flatMap((below) => {
    const own = outliers.filter((one) => one.below === below)
    const [first] = own
    if (!first) return []
    const farthest = own.reduce((a, b) => (b.point.value < a.point.value === below ? b : a), first)
    const { name, point } = farthest
    const text = `outliers ${below ? 'below' : 'above'}, ${below ? 'down' : 'up'} to ${point.value.toFixed(2).replace('-', '\u2212')} (${name}, round ${point.round})`
    return [{ text, draw: (x, y) => arrow(farthest.look, x + 11, below ? y + 3 : y - 3, below) }]
  })
}
