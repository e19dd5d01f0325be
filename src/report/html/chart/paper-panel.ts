import { html, type Markup, px } from '../markup.ts'
import { type Look, marker } from './marks.ts'
import type { Range } from './scale.ts'

/** A row of the paper, with a hollow mark for each series that it prints; values in percent. */
export interface PaperColumn {
  readonly label: string
  readonly marks: readonly { readonly look: Look; readonly value: number }[]
}

const SLOT = 12
const GAP = 8

const columnWidth = ({ marks }: PaperColumn) => Math.max(26, SLOT * marks.length) + GAP

export const panelWidth = (columns: readonly PaperColumn[]): number =>
  columns.reduce((sum, column) => sum + columnWidth(column), 0)

export interface Panel {
  readonly markup: Markup
  /** The middle of each column. */
  readonly middles: readonly number[]
}

/** Hollow marks, a place for each series so that none covers another; what lies outside the range has an arrow. */
export function paperPanel(
  columns: readonly PaperColumn[],
  left: number,
  [top, bottom]: Range,
  y: (value: number) => number,
): Panel {
  let x = left
  const middles: number[] = []
  const parts = columns.map((column) => {
    const width = columnWidth(column) - GAP
    const middle = x + width / 2
    middles.push(middle)
    const marks = column.marks.map(({ look, value }, i) => {
      const place = middle + (i - (column.marks.length - 1) / 2) * SLOT
      const wanted = y(value)
      const at = Math.max(top + 5, Math.min(bottom - 12, wanted))
      const [outside, below] = [at !== wanted, wanted > at]
      const tip = bottom - 1
      const arrow =
        outside &&
        (below
          ? html`<path class="edge ${look.color}" d="M${px(place - 3.5)} ${px(tip - 4)}h7L${px(place)} ${px(tip)}Z"/>`
          : html`<path class="edge ${look.color}" d="M${px(place - 3.5)} ${px(top - 1)}h7L${px(place)} ${px(top - 5)}Z"/>`)
      return html`<g><title>${value.toFixed(2)}</title>${look.shape && marker(look.shape, place, at, 4, `hollow ${look.color}`)}${arrow}</g>`
    })
    const part = html`<rect class="wash" x="${px(x)}" y="${px(top - 6)}" width="${px(width)}" height="${px(bottom - top + 6)}"/>${marks}<text class="tick" x="${px(middle)}" y="${px(bottom + 17)}" text-anchor="middle">${column.label}</text>`
    x += width + GAP
    return part
  })
  const middle = (left + x - GAP) / 2
  const markup = html`<g>${parts}<text class="tick" x="${px(middle)}" y="${px(bottom + 32)}" text-anchor="middle">paper</text></g>`
  return { markup, middles }
}
