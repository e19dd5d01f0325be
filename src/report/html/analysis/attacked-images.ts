import type { Found, ImagePair } from '../../../audit/attack.ts'
import { meanError } from '../../../audit/inversion/likeness.ts'
import { bothSizes, chart, figure, type Size, table, WIDTHS } from '../chart/figure.ts'
import { html, type Markup, px } from '../markup.ts'
import { greyPng } from '../png.ts'

type Images = NonNullable<Found['images']>

/** In units of the drawing: an image, the room around it, and the names at the left. */
const SIDE = 56
const GAP = 8
const LEFT = 56

/** Images that owners trained on, and below each what an attack made of an update. */
export function attackedImages(id: string, images: Images, of: string): Markup {
  const title = `Images from updates${of}`
  return figure({
    id,
    title,
    caption: html`<p>Above, images that an update was made with; below each, what gradient-inversion made of the update alone.</p>`,
    plots: bothSizes((size) => drawing(`${id}-${size}`, title, images, size)),
    table: table(
      ['image', 'mean error'],
      images.pairs.map((pair, i) => [i + 1, errorOf(pair).toFixed(4)]),
    ),
    layout: 'side',
  })
}

function drawing(id: string, title: string, { rows, cols, pairs }: Images, size: Size): Markup {
  const width = WIDTHS[size]
  const each = Math.floor((width - LEFT) / (SIDE + GAP))
  const tall = (SIDE * rows) / cols
  const line = 2 * (tall + GAP)
  const image = (pixels: Uint8Array, x: number, y: number) =>
    html`<image href="data:image/png;base64,${greyPng(pixels, rows, cols).toString('base64')}" x="${px(x)}" y="${px(y)}" width="${SIDE}" height="${px(tall)}" image-rendering="pixelated"/>`
  const name = (text: string, y: number) =>
    html`<text class="name" x="${LEFT - GAP}" y="${px(y + tall / 2 + 4)}" text-anchor="end">${text}</text>`
  const places = pairs.map((pair, i) => ({
    pair,
    x: LEFT + (i % each) * (SIDE + GAP),
    y: GAP + Math.floor(i / each) * (line + GAP),
  }))
  return chart({
    id,
    width,
    height: GAP + Math.ceil(pairs.length / each) * (line + GAP),
    title,
    desc: pairs.map((pair, i) => `image ${i + 1}: mean error ${errorOf(pair).toFixed(4)}`).join('; '),
    only: size,
    body: places.map(({ pair, x, y }, i) => [
      i % each === 0 && [name('image', y), name('found', y + tall + GAP)],
      image(pair.real, x, y),
      image(pair.found, x, y + tall + GAP),
    ]),
  })
}

/** Mean absolute difference of grey values from 0 to 1. */
const errorOf = ({ real, found }: ImagePair): number => meanError(real, found) / 255
