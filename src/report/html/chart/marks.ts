import { MERGE_NAMES } from '../../../algorithm/merge/registry.ts'
import { html, type Markup, px } from '../markup.ts'
import type { ShownModel } from '../series.ts'

const SHAPES = ['circle', 'square', 'up', 'diamond', 'down', 'hexagon'] as const
export type Shape = (typeof SHAPES)[number]

/** How a series looks, wherever it appears: told apart by shape or dashes as well as by colour. */
export interface Look {
  /** Class that sets the colour: c1 to c6, local, pooled. */
  readonly color: string
  readonly shape: Shape | undefined
  /** stroke-dasharray. */
  readonly dash: string | undefined
  readonly width: number
}

const DASHES = [undefined, '6 2', '2 2', '6 2 2 2', '10 3', '1 3', '8 2 2 2 2 2', '4 4']

/** A merge rule keeps its colour and shape in every report; owners are thin, pooled is dashed. */
export function lookOf({ name, kind, owner = 1 }: ShownModel): Look {
  if (kind === 'pooled') return { color: 'pooled', shape: undefined, dash: '8 5', width: 1.75 }
  if (kind === 'unified') return numbered(numberOf(name))
  return { color: 'local', shape: undefined, dash: DASHES[(owner - 1) % DASHES.length], width: 1.25 }
}

/** Rules of the user's own have looks that the built-in ones have not, each by its name. */
function numberOf(rule: string): number {
  const known = (MERGE_NAMES as readonly string[]).indexOf(rule)
  const sum = [...rule].reduce((so, letter) => (31 * so + letter.codePointAt(0)!) % 9973, 0)
  return known >= 0 ? known : MERGE_NAMES.length + (sum % (SHAPES.length ** 2 - MERGE_NAMES.length))
}

/** The look of the i-th of several equals. When the colours are used up, they come again with the next shape. */
export function numbered(i: number): Look {
  const shape = SHAPES[(i + Math.floor(i / SHAPES.length)) % SHAPES.length]!
  return { color: `c${(i % SHAPES.length) + 1}`, shape, dash: undefined, width: 2.5 }
}

/** The outline of a marker of radius `r` around (x, y). */
export function markerPath(shape: Shape, x: number, y: number, r: number): string {
  const polygon = (...points: [number, number][]) =>
    `M${points.map(([dx, dy]) => `${px(x + dx * r)} ${px(y + dy * r)}`).join('L')}Z`
  switch (shape) {
    case 'circle':
      return `M${px(x - r)} ${px(y)}a${px(r)} ${px(r)} 0 1 0 ${px(2 * r)} 0a${px(r)} ${px(r)} 0 1 0 ${px(-2 * r)} 0Z`
    case 'square':
      return polygon([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9])
    case 'up':
      return polygon([0, -1.2], [1.1, 0.8], [-1.1, 0.8])
    case 'down':
      return polygon([0, 1.2], [1.1, -0.8], [-1.1, -0.8])
    case 'diamond':
      return polygon([0, -1.3], [1.2, 0], [0, 1.3], [-1.2, 0])
    case 'hexagon':
      return polygon([-1.1, 0], [-0.55, -1], [0.55, -1], [1.1, 0], [0.55, 1], [-0.55, 1])
  }
}

/** A short piece of the line with its marker: for legends, tables and tooltips. */
export function sample(look: Look, x: number, y: number, hollow = false): Markup {
  const line =
    !hollow && html`<path class="line" d="M${px(x)} ${px(y)}h22" stroke-width="${look.width}"${dashed(look)}/>`
  const marker =
    look.shape && html`<path class="${hollow ? 'hollow' : 'solid'}" d="${markerPath(look.shape, x + 11, y, 4)}"/>`
  return html`<g class="${look.color}">${line}${marker}</g>`
}

export const dashed = ({ dash }: Look): Markup | undefined => (dash ? html` stroke-dasharray="${dash}"` : undefined)

/** The sample as a picture in running text. */
export function key(look: Look, hollow = false): Markup {
  return html`<svg class="key" viewBox="0 0 22 12" width="22" height="12" aria-hidden="true">${sample(look, 0, 6, hollow)}</svg>`
}

export interface LegendItem {
  readonly text: string
  readonly draw: (x: number, y: number) => Markup
}

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
  return { markup: html`<g>${parts}</g>`, height: y + 14 }
}
