import { html, type Markup, px } from '../markup.ts'
import { type Look, tag } from './marks.ts'
import type { Range } from './scale.ts'

/** A name at the end of a line. */
export interface EndLabel {
  readonly look: Look
  readonly text: string
  /** Where its line ends. */
  readonly y: number
}

/** Width of labels with their marks. */
export const labelWidth = (labels: readonly Pick<EndLabel, 'text'>[]): number =>
  28 + 6.9 * Math.max(0, ...labels.map(({ text }) => text.length))

/**
 * Names in the order of the ends of their lines, each with the mark of its line: they need no leaders, which would fan
 * out where lines end together.
 */
export function endLabels(labels: readonly EndLabel[], x: number, bounds: Range): Markup {
  const places = spread(
    labels.map(({ y }) => y),
    15,
    bounds,
  )
  return html`${labels.map(({ look, text }, i) => {
    const y = places[i]!
    return html`<g class="${look.color}">${tag(look, x, y)}<text class="ink${look.shape && ' strong'}" x="${px(x + 20)}" y="${px(y + 4)}">${text}</text></g>`
  })}`
}

/**
 * Moves labels apart: the positions nearest to the wanted ones (least squares) that keep their order, `gap` between
 * neighbours, and the bounds; with a smaller gap if these have no room for it.
 * @returns in the order of `wanted`
 */
export function spread(wanted: readonly number[], gap: number, [low, high]: Range): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!)
  const room = Math.min(gap, (high - low) / Math.max(1, order.length - 1))
  // Less the gaps before it, each position has only to be no less than the one before: isotonic regression, by pooling
  // neighbours that are in the wrong order into their mean.
  const pools: { mean: number; size: number }[] = []
  for (const [rank, i] of order.entries()) {
    let pool = { mean: wanted[i]! - rank * room, size: 1 }
    for (let last = pools.at(-1); last && last.mean > pool.mean; last = pools.at(-1)) {
      const size = last.size + pool.size
      pool = { mean: (last.mean * last.size + pool.mean * pool.size) / size, size }
      pools.pop()
    }
    pools.push(pool)
  }
  const most = high - room * (order.length - 1)
  const placed = pools.flatMap(({ mean, size }) => Array<number>(size).fill(Math.max(low, Math.min(most, mean))))
  const result = [...wanted]
  for (const [rank, i] of order.entries()) result[i] = placed[rank]! + rank * room
  return result
}
