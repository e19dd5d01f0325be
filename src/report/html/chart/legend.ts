import { html, type Markup, px } from '../markup.ts'
import { type Look, sample } from './marks.ts'

export interface LegendItem {
  readonly text: string
  readonly draw: (x: number, y: number) => Markup
}

export const sampled = (text: string, look: Look, hollow = false): LegendItem => ({
  text,
  draw: (x, y) => sample(look, x, y, hollow),
})

/** A band in the colour of each of its lines. */
export const banded = (text: string, looks: readonly Look[]): LegendItem => ({
  text,
  draw: (x, y) =>
    html`${looks.map(({ color }, i) => {
      const width = 22 / looks.length
      return html`<path class="band ${color}" d="M${px(x + i * width)} ${px(y - 5)}h${px(width)}v10h${px(-width)}Z"/>`
    })}`,
})

/** A legend that wraps within `width`, 30 units for a drawing and about 7 for a letter; 18 units for a line of it. */
export function legend(items: readonly LegendItem[], left: number, width: number): { markup: Markup; height: number } {
  let x = left
  let y = 10
  const parts = items.map(({ text, draw }) => {
    const needs = 28 + 7 * text.length + 22
    if (x > left && x + needs > width) {
      x = left
      y += 18
    }
    const part = html`${draw(x, y)}<text class="legend" x="${px(x + 28)}" y="${px(y + 4)}">${text}</text>`
    x += needs
    return part
  })
  return { markup: html`<g>${parts}</g>`, height: items.length > 0 ? y + 14 : 4 }
}
