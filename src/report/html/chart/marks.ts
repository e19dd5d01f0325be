import {
  type SymbolType,
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from 'd3-shape'
import { MERGE_NAMES } from '../../../algorithm/merge/registry.ts'
import { html, type Markup, px } from '../markup.ts'
import type { ShownModel } from '../series.ts'

/** Each shape with the factor of its area that makes it look as large as the circle. */
const SYMBOLS = {
  circle: [symbolCircle, 1],
  square: [symbolSquare, 1],
  triangle: [symbolTriangle, 0.9],
  diamond: [symbolDiamond, 0.9],
  cross: [symbolCross, 1],
  star: [symbolStar, 0.9],
} as const satisfies Record<string, readonly [SymbolType, number]>

export type Shape = keyof typeof SYMBOLS
const SHAPES = Object.keys(SYMBOLS) as Shape[]

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

/** The i-th of several of the same colour and shape, told apart by its dashes. */
export const dashedAs = (look: Look, i: number): Look => ({ ...look, dash: DASHES[i % DASHES.length] })

/** Rules of the user's own have looks that the built-in ones have not, each by its name. */
function numberOf(rule: string): number {
  const known = (MERGE_NAMES as readonly string[]).indexOf(rule)
  const sum = [...rule].reduce((so, letter) => (31 * so + letter.codePointAt(0)!) % 9973, 0)
  return known >= 0 ? known : MERGE_NAMES.length + (sum % (SHAPES.length ** 2 - MERGE_NAMES.length))
}

/** The look of the i-th of several equals. When the colours are used up, they come again with the next shape. */
function numbered(i: number): Look {
  const shape = SHAPES[(i + Math.floor(i / SHAPES.length)) % SHAPES.length]!
  return { color: `c${(i % SHAPES.length) + 1}`, shape, dash: undefined, width: 2.5 }
}

/** A marker of about radius `r` around (x, y); `className` says how it is filled, and may set a colour. */
export function marker(shape: Shape, x: number, y: number, r: number, className: string): Markup {
  return html`<path class="${className}" transform="translate(${px(x)} ${px(y)})" d="${outline(shape, r)}"/>`
}

const OUTLINES = new Map<string, string>()

function outline(shape: Shape, r: number): string {
  const key = `${shape} ${r}`
  const known = OUTLINES.get(key)
  if (known !== undefined) return known
  const [type, factor] = SYMBOLS[shape]
  const path = symbol(type, factor * Math.PI * r * r)
  const drawn = (path() ?? '').replace(/-?\d+\.\d+/g, (number) => String(Math.round(100 * Number(number)) / 100))
  OUTLINES.set(key, drawn)
  return drawn
}

/** A short piece of the line with its marker: for legends, tables and tooltips. */
export function sample(look: Look, x: number, y: number, hollow = false): Markup {
  const line =
    !hollow && html`<path class="line" d="M${px(x)} ${px(y)}h22" stroke-width="${look.width}"${dashed(look)}/>`
  const mark = look.shape && marker(look.shape, x + 11, y, 4, hollow ? 'hollow' : 'solid')
  return html`<g class="${look.color}">${line}${mark}</g>`
}

/** What stands before a name at the end of a line: its marker, or a short piece of the line if it has none. */
export const tag = (look: Look, x: number, y: number): Markup =>
  look.shape && !look.dash
    ? marker(look.shape, x + 8, y, 4, 'solid')
    : html`<path class="line" d="M${px(x)} ${px(y)}h15" stroke-width="${look.width}"${dashed(look)}/>`

export const dashed = ({ dash }: Look): Markup | undefined => (dash ? html` stroke-dasharray="${dash}"` : undefined)

/** The sample as a picture in running text. */
export function key(look: Look, hollow = false): Markup {
  return html`<svg class="key" viewBox="0 0 22 12" width="22" height="12" aria-hidden="true">${sample(look, 0, 6, hollow)}</svg>`
}
