import { type Content, html, type Markup, px } from '../markup.ts'

const SIZES = ['wide', 'narrow'] as const

/** The page that a drawing is for: one of its size is shown on pages of that width alone. */
export type Size = (typeof SIZES)[number]

/** In units of the drawing. */
export const WIDTHS: Readonly<Record<Size, number>> = { wide: 720, narrow: 344 }

export const bothSizes = (draw: (size: Size) => Markup): Markup[] => SIZES.map(draw)

export interface ChartFrame {
  /** Unique in the page. */
  readonly id: string
  /** In units of the drawing, which are pixels unless the page is narrower. */
  readonly width: number
  readonly height: number
  readonly title: string
  /** What a reader who cannot see it should know. */
  readonly desc: string
  /** The size of page that it is for; without it, any. */
  readonly only?: Size | undefined
  /** x of the stops of the crosshair, in the order of the rows of the figure's table. */
  readonly stops?: readonly number[]
  readonly body: Content
}

/** A drawing as SVG that can stand alone. */
export function chart({ id, width, height, title, desc, only, stops, body }: ChartFrame): Markup {
  const classes = ['chart', only].filter(Boolean).join(' ')
  const data = stops && html` data-stops="${stops.map(px).join(' ')}"`
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="${classes}" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-labelledby="${id}-t ${id}-d"${data}><title id="${id}-t">${title}</title><desc id="${id}-d">${desc}</desc>${body}</svg>`
}

export interface FigureParts {
  readonly id: string
  readonly title: string
  /** What is to be seen, and what it does not say. */
  readonly caption: Content
  readonly plots: readonly Markup[]
  /** The numbers behind it, and what they are. */
  readonly table: Markup
  /** `side`: caption beside the drawing if there is room; `matrices`: several small drawings. */
  readonly layout: 'side' | 'matrices'
  /** Name of its crosshair's stops, such as round; without, it has none. */
  readonly crosshair?: string
  /** Further buttons. */
  readonly tools?: Markup
}

/** Drawings under their title, with a caption, their numbers as a table, and buttons that save them. */
export function figure({ id, title, caption, plots, table, layout, crosshair, tools: more }: FigureParts): Markup {
  const saving = html`<button type="button" data-export="svg" aria-label="Save as SVG: ${title}">SVG</button><button type="button" data-export="png" aria-label="Save as PNG: ${title}">PNG</button>`
  const tools = html`<div class="tools">${more}${saving}</div>`
  const pointer =
    crosshair &&
    html`<div class="pointer" data-what="${crosshair}" aria-label="${title}: ${crosshair}"></div><div class="tip" hidden></div>`
  const drawings =
    layout === 'matrices'
      ? html`${more && html`<div class="tools">${more}</div>`}<div class="plots">${plots.map((plot) => html`<div class="plot" data-plot>${plot}<div class="tools">${saving}</div></div>`)}</div>`
      : html`<div class="plot" data-plot>${plots}${pointer}</div>${tools}`
  return html`<figure id="${id}" class="${layout}">
<h3>${title}</h3>
<figcaption>${caption}</figcaption>
${drawings}
<details><summary>Data table: ${title}</summary>${scrollBox(`${title}: data table`, table)}</details>
</figure>
`
}

/** A wide table scrolls in a box of its own, which says so. */
export const scrollBox = (label: string, content: Content): Markup =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${content}</div>`

/** A table whose first column names its rows. */
export function table(head: readonly Content[], rows: readonly (readonly Content[])[], className?: string): Markup {
  const top = html`<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>`
  const line = ([name, ...cells]: readonly Content[]) =>
    html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`
  return html`<table${className && html` class="${className}"`}>${top}<tbody>${rows.map(line)}</tbody></table>`
}

/** A number with its sign, the minus as long as the plus. */
export function signed(x: number, digits = 2): string {
  const text = Math.abs(x).toFixed(digits)
  if (Number(text) === 0) return `±${text}`
  return `${x > 0 ? '+' : '\u2212'}${text}`
}
