import { thousands } from '../../../format.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { imagesOf, type ModelEvaluation, percentOf } from '../evaluations.ts'
import { html, type Markup } from '../markup.ts'
import { differenceMatrix, shareMatrix } from './matrix.ts'

/** Local models that are drawn; the others would repeat them. */
const MAX_OWNERS = 4

/** Which class is taken for which: the matrix of the model that is sent to the owners. */
export function confusionFigure(
  id: string,
  models: readonly ModelEvaluation[],
  names: readonly string[],
  seeds: number,
): Markup {
  const [main] = models
  return figure({
    id,
    title: `Confusion: ${titleOf(main!)}`,
    caption: html`<p>After the last round, ${percentOf(main!).toFixed(2)}\u00a0% of ${thousands(main!.images)} test images. A row has the images of one class, a column what the model took them for; the diagonal is right. Darker: a larger share of the row (full colour from 50\u00a0%).${seeds > 1 && ` Counts are sums over ${seeds} seeds.`}</p>`,
    plots: bothSizes((size) => shareMatrix({ id: `${id}-${size}`, size, title: titleOf(main!), model: main!, names })),
    table: countsTable(models, names),
    layout: 'side',
    tools: html`<button type="button" data-toggle="counts" aria-pressed="false">Counts</button>`,
  })
}

/** What the other models do differently, cell by cell; undefined if there are none. */
export function confusionDifferences(
  id: string,
  [main, ...others]: readonly ModelEvaluation[],
  names: readonly string[],
): Markup | undefined {
  const locals = others.filter(({ kind }) => kind === 'local')
  const shown = others.filter((model) => model.kind !== 'local' || locals.indexOf(model) < MAX_OWNERS)
  if (!main || shown.length === 0) return undefined
  const hidden = others.length - shown.length
  const rows = shown.flatMap((model) =>
    names.flatMap((name, truth) => {
      const [all, base] = [imagesOf(model, truth), imagesOf(main, truth)]
      if (all === 0 || base === 0) return []
      const at = truth * model.classes
      const cells = names.map((_, i) =>
        (100 * (model.confusion[at + i]! / all - main.confusion[at + i]! / base)).toFixed(1),
      )
      return [[`${titleOf(model)}: ${name}`, ...cells]]
    }),
  )
  return figure({
    id,
    title: `Confusion: difference to ${main.name}`,
    caption: html`<p>Share of the row minus that of ${main.name}, in points; below half a point a cell is empty. Grey is better (more on the diagonal, fewer mistakes), red is worse.${locals.length > 0 && ' An owner’s local model is tested only on that owner’s images: classes that it has no images of have no row.'}${hidden > 0 && ` Owners ${Math.min(MAX_OWNERS, locals.length) + 1} to ${locals.length} are not shown.`}</p>`,
    plots: shown.map((model, i) =>
      differenceMatrix({ id: `${id}-${i}`, title: titleOf(model), model, base: main, names }),
    ),
    table: table(['true class, predicted:', ...names], rows),
    layout: 'matrices',
  })
}

const titleOf = ({ name, kind }: ModelEvaluation) =>
  kind === 'local' ? `${name}, local` : kind === 'unified' ? `${name}, unified` : name

function countsTable(models: readonly ModelEvaluation[], names: readonly string[]): Markup {
  const rows = models.flatMap((model) =>
    names.flatMap((name, truth) =>
      imagesOf(model, truth) === 0
        ? []
        : [
            [
              `${titleOf(model)}: ${name}`,
              ...model.confusion.slice(truth * model.classes, (truth + 1) * model.classes),
            ],
          ],
    ),
  )
  return table(['true class, predicted:', ...names], rows)
}
