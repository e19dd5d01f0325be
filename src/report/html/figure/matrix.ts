import { thousands } from '../../../format.ts'
import { chart, type Size, signed, WIDTHS } from '../chart/figure.ts'
import { imagesOf, type ModelEvaluation, percentOf } from '../evaluations.ts'
import { html, type Markup, px } from '../markup.ts'
import { DEEP } from '../style/theme.ts'

/** Of a drawing: where its cells begin, and their side. */
interface Frame {
  readonly left: number
  readonly top: number
  readonly side: number
}

const TOP = 98

interface Cell {
  readonly truth: number
  readonly predicted: number
  /** The class of its colour. */
  readonly color: 'hit' | 'miss'
  readonly level: number
  readonly hint: string
  /** What is written in it, if it has room. */
  readonly texts: readonly { readonly text: string; readonly className?: string }[]
}

interface Matrix {
  readonly id: string
  readonly title: string
  readonly desc: string
  readonly only?: Size
  readonly frame: Frame
  /** Classes that have a row. */
  readonly rows: readonly number[]
  readonly names: readonly string[]
  readonly heading: Markup
  readonly cells: readonly Cell[]
}

/** A matrix of shares of the rows, which a button of the page turns into counts. */
export function shareMatrix(given: {
  readonly id: string
  readonly size: Size
  readonly title: string
  readonly model: ModelEvaluation
  readonly names: readonly string[]
}): Markup {
  const { id, size, title, model, names } = given
  const { classes, confusion } = model
  const [left, most, room] = size === 'wide' ? [90, 46, 600] : [76, 26, 266]
  const frame = { left, top: TOP, side: Math.max(5, Math.min(most, Math.floor(room / classes))) }
  const rows = rowsOf(model)
  const cells = rows.flatMap((truth) => {
    const all = imagesOf(model, truth)
    return names.flatMap((_, predicted): Cell[] => {
      const count = confusion[truth * classes + predicted]!
      if (count === 0) return []
      const percent = (100 * count) / all
      const short = percent < 0.5 ? '' : percent.toFixed(size === 'wide' && percent < 99.95 ? 1 : 0)
      return [
        {
          truth,
          predicted,
          color: truth === predicted ? 'hit' : 'miss',
          level: shade(count / all),
          hint: `${names[truth]!} taken for ${names[predicted]!}: ${count} of ${all}, ${percent.toFixed(1)}\u00a0%`,
          texts: [
            { text: short, className: 'share' },
            { text: count > 9999 ? `${Math.round(count / 1000)}k` : String(count), className: 'count' },
          ],
        },
      ]
    })
  })
  const heading = html`<text class="tick" x="0" y="12"><tspan class="share">percent of the row</tspan><tspan class="count">images</tspan></text>`
  const desc = `${percentOf(model).toFixed(2)}\u00a0% of ${thousands(model.images)} images. Rows: true class, columns: predicted class. The commonest mistakes: ${mistakes(model, names)}.`
  return matrix({ id, title, desc, only: size, frame, rows, names, heading, cells })
}

/** A matrix of what a model does otherwise than another one, in points of the row; classes without images have no row. */
export function differenceMatrix(given: {
  readonly id: string
  readonly title: string
  readonly model: ModelEvaluation
  readonly base: ModelEvaluation
  readonly names: readonly string[]
}): Markup {
  const { id, title, model, base, names } = given
  const frame = { left: 76, top: TOP + 6, side: Math.max(5, Math.min(24, Math.floor(250 / model.classes))) }
  const rows = rowsOf(model).filter((truth) => imagesOf(base, truth) > 0)
  const cells = rows.flatMap((truth) => {
    const shares = (one: ModelEvaluation) => {
      const images = imagesOf(one, truth)
      return (predicted: number) => (100 * one.confusion[truth * one.classes + predicted]!) / images
    }
    const [ours, theirs] = [shares(model), shares(base)]
    return names.flatMap((_, predicted): Cell[] => {
      const points = ours(predicted) - theirs(predicted)
      if (Math.abs(points) < 0.5) return []
      const better = points > 0 === (truth === predicted)
      return [
        {
          truth,
          predicted,
          color: better ? 'hit' : 'miss',
          // Full colour from 20 points.
          level: shade(Math.min(1, Math.abs(points) / 40)),
          hint: `${names[truth]!} taken for ${names[predicted]!}: ${signed(points, 1)} points`,
          texts: [{ text: signed(points, 0) }],
        },
      ]
    })
  })
  const width = frame.left + frame.side * model.classes
  const heading = html`<text class="strong" x="0" y="14">${title}</text><text class="tick" x="${px(width)}" y="14" text-anchor="end">${percentOf(model).toFixed(2)}\u00a0% of ${thousands(model.images)}</text>`
  const desc = `Rows: true class, columns: predicted class. Points of the row, minus ${base.name}.`
  return matrix({ id, title, desc, frame, rows, names, heading, cells })
}

function matrix({ id, title, desc, only, frame, rows, names, heading, cells }: Matrix): Markup {
  const { left, top, side } = frame
  const written = side >= 18
  const [type, name] = side >= 30 ? ['', 'name'] : ['tiny', 'small name']
  const rank = new Map(rows.map((truth, i) => [truth, i]))
  const labels = html`${rows.map((truth, i) => html`<text class="${name}" x="${left - 6}" y="${px(top + (i + 0.5) * side + 3.5)}" text-anchor="end">${names[truth]!}</text>`)}${names.map((text, i) => html`<text class="${name}" transform="translate(${px(left + (i + 0.5) * side + 3.5)} ${top - 6}) rotate(-90)">${text}</text>`)}`
  const drawn = cells.map(({ truth, predicted, color, level, hint, texts }) => {
    const [x, y] = [left + predicted * side, top + rank.get(truth)! * side]
    const over = level >= DEEP && ' over'
    const text =
      written &&
      texts.map(
        (one) =>
          html`<text class="${type}${over}${one.className && ` ${one.className}`}" x="${px(x + side / 2)}" y="${px(y + side / 2 + 3.5)}" text-anchor="middle">${one.text}</text>`,
      )
    return html`<g><title>${hint}</title><rect class="cell ${color} s${level}" x="${px(x + 0.5)}" y="${px(y + 0.5)}" width="${px(side - 1)}" height="${px(side - 1)}"/>${text}</g>`
  })
  const [width, height] = [names.length * side, rows.length * side]
  const box = html`<rect class="grid" x="${left}" y="${top}" width="${px(width)}" height="${px(height)}"/>`
  const body = html`${heading}${written && labels}${drawn}${box}`
  const full = only === 'wide' ? WIDTHS.wide : left + width + 2
  return chart({ id, width: full, height: top + height + 2, title, desc, only, body })
}

/** The classes that a model was tested on. */
const rowsOf = (model: ModelEvaluation) =>
  Array.from({ length: model.classes }, (_, truth) => truth).filter((truth) => imagesOf(model, truth) > 0)

/** The step of a share in (0, 1]: growing with its root below a half, so that rare mistakes stay visible. */
export function shade(share: number): number {
  if (share > 0.5) return DEEP + Math.min(2, Math.floor((share - 0.5) * 6))
  return Math.max(1, Math.ceil(Math.sqrt(share / 0.5) * (DEEP - 1)))
}

function mistakes({ confusion, classes }: ModelEvaluation, names: readonly string[]): string {
  const wrong = confusion
    .map((count, i) => ({ count, truth: Math.floor(i / classes), predicted: i % classes }))
    .filter(({ count, truth, predicted }) => count > 0 && truth !== predicted)
    .sort((a, b) => b.count - a.count)
    .slice(0, 3)
  const list = wrong.map((w) => `${names[w.truth]} taken for ${names[w.predicted]} (${w.count})`)
  return list.length > 0 ? list.join(', ') : 'none'
}
