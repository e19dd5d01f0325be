import { thousands } from '../../format.ts'
import { chart, figure, table } from './chart/figure.ts'
import { imagesOf, type ModelEvaluation } from './evaluations.ts'
import { html, type Markup, px } from './markup.ts'
import { DEEP } from './style.ts'

/** Local models that are drawn; the others would repeat them. */
const MAX_OWNERS = 4

/** Which class is taken for which: a matrix for each unified model, the pooled baseline and the first owners. */
export function confusionFigure(
  id: string,
  models: readonly ModelEvaluation[],
  names: readonly string[],
  seeds: number,
): Markup {
  const locals = models.filter(({ kind }) => kind === 'local')
  const shown = models.filter((model) => model.kind !== 'local' || locals.indexOf(model) < MAX_OWNERS)
  const hidden = models.length - shown.length
  return figure({
    id,
    title: 'Confusion',
    caption: html`<p>Models after the last round. Each row holds the images of one class, each column what the model took them for; the diagonal is right. Shades are shares of the row, and full colour begins at half of it.${locals.length > 0 && ' An owner’s local model is tested on that owner’s images alone, so rows of classes that it does not hold are empty.'}${seeds > 1 && ` Counts are summed over ${seeds} seeds.`}${hidden > 0 && ` Owners ${shown.filter(({ kind }) => kind === 'local').length + 1} to ${locals.length} are not shown.`}</p>`,
    plots: shown.map((model, i) => confusionChart(`${id}-${i}`, model, names)),
    table: tables(shown, names),
    layout: 'matrices',
  })
}

const LEFT = 78
const TOP = 102

/** A confusion matrix; counts are written in its cells if they fit. */
export function confusionChart(id: string, model: ModelEvaluation, names: readonly string[]): Markup {
  const { classes, confusion, correct, images } = model
  const size = Math.max(6, Math.min(26, Math.floor(260 / classes)))
  const share = ((100 * correct) / images).toFixed(2)
  const title = `${titleOf(model)}: ${share}\u00a0% of ${thousands(images)} images`
  const written = size >= 18
  const labels = names.map((name, i) => {
    const middle = (i + 0.5) * size
    return html`<text class="small name" x="${LEFT - 6}" y="${px(TOP + middle + 3.5)}" text-anchor="end">${name}</text><text class="small name" transform="translate(${px(LEFT + middle + 3.5)} ${TOP - 6}) rotate(-90)">${name}</text>`
  })
  const cells = Array.from({ length: classes }, (_, truth) => {
    const row = imagesOf(model, truth)
    return Array.from({ length: classes }, (_, predicted) => {
      const count = confusion[truth * classes + predicted]!
      if (count === 0) return undefined
      const level = shade(count / row)
      const [x, y] = [LEFT + predicted * size, TOP + truth * size]
      const kind = truth === predicted ? 'hit' : 'miss'
      const number =
        written &&
        html`<text class="tiny${level >= DEEP && ' over'}" x="${px(x + size / 2)}" y="${px(y + size / 2 + 3.5)}" text-anchor="middle">${count > 9999 ? `${Math.round(count / 1000)}k` : count}</text>`
      return html`<g><title>${names[truth]!} taken for ${names[predicted]!}: ${count} of ${row}, ${((100 * count) / row).toFixed(1)}\u00a0%</title><rect class="cell ${kind} s${level}" x="${px(x + 0.5)}" y="${px(y + 0.5)}" width="${px(size - 1)}" height="${px(size - 1)}"/>${number}</g>`
    })
  })
  const side = classes * size
  const frame = html`<rect class="grid" x="${LEFT}" y="${TOP}" width="${px(side)}" height="${px(side)}"/>`
  const heading = html`<text class="strong" x="0" y="14">${titleOf(model)}</text><text class="tick" x="${px(LEFT + side)}" y="14" text-anchor="end">${share}\u00a0% of ${thousands(images)}</text>`
  const body = html`${heading}${written && labels}${cells}${frame}`
  const desc = `Rows: true class, columns: predicted class. The commonest mistakes: ${mistakes(model, names)}.`
  return chart({ id, width: LEFT + side + 2, height: TOP + side + 2, title, desc, body })
}

const titleOf = ({ name, kind }: ModelEvaluation) =>
  kind === 'local' ? `${name}, local` : kind === 'unified' ? `${name}, unified` : name

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

function tables(models: readonly ModelEvaluation[], names: readonly string[]): Markup {
  const rows = models.flatMap((model) =>
    names.map((name, truth) => [
      `${titleOf(model)}: ${name}`,
      ...model.confusion.slice(truth * model.classes, (truth + 1) * model.classes),
    ]),
  )
  return table(['true class, predicted:', ...names], rows)
}
