import { scaleLinear } from 'd3-scale'
import { bothSizes, chart, figure, type Size, table, WIDTHS } from '../chart/figure.ts'
import { type LegendItem, legend, sampled } from '../chart/legend.ts'
import { lookOf, marker } from '../chart/marks.ts'
import { percentAxis } from '../chart/scale.ts'
import { type ModelEvaluation, recall, together } from '../evaluations.ts'
import { html, type Markup, px } from '../markup.ts'
import { MAX_LINES } from '../series.ts'
import { listed } from '../words.ts'

/** How many of each class's images are recognised, by the model sent to the owners, the pooled one and the local ones. */
export function classesFigure(id: string, all: readonly ModelEvaluation[], names: readonly string[]): Markup {
  const locals = all.filter(({ kind }) => kind === 'local')
  const many = locals.length > MAX_LINES
  const models = many ? [...all.filter(({ kind }) => kind !== 'local'), together(locals)] : all
  const title = 'Accuracy by class'
  const plots = bothSizes((size) => classesChart(`${id}-${size}`, size, models, names))
  const recalls = models.map(recall)
  const rows = names.map((name, label) => [name, ...recalls.map((all) => all[label]?.toFixed(2) ?? '–')])
  return figure({
    id,
    title,
    caption: html`<p>Percent of a class’s test images that are recognised after the last round. ${
      many
        ? 'The ring counts all local models together, each on its own owner’s images.'
        : 'A digit is that owner’s local model, on its own images; an owner without images of a class has no digit there.'
    }</p>`,
    plots,
    table: table(['class', ...models.map(({ name }) => name)], rows),
    layout: 'side',
  })
}

const ROW = 30

/** A row for each class: two lanes, the local models above, the unified and the pooled one below. */
export function classesChart(
  id: string,
  size: Size,
  models: readonly ModelEvaluation[],
  names: readonly string[],
): Markup {
  const width = WIDTHS[size]
  const [unified, ...others] = models.filter(({ kind }) => kind === 'unified')
  const pooled = models.find(({ kind }) => kind === 'pooled')
  const locals = models.filter(({ kind }) => kind === 'local')
  const ring = locals[0] !== undefined && locals[0].owner === undefined
  const look = lookOf(unified ?? { name: 'avg', kind: 'unified' })
  const digit = (x: number, y: number, text: string) =>
    html`<text class="local ink small strong" x="${px(x)}" y="${px(y)}" text-anchor="middle">${text}</text>`
  const items: LegendItem[] = [
    ...(unified ? [sampled(`${unified.name}, unified`, look)] : []),
    ...(pooled ? [{ text: 'pooled baseline', draw: (x: number, y: number) => tick(x + 11, y) }] : []),
    ...(locals.length > 0
      ? [
          ring
            ? { text: locals[0]!.name, draw: (x: number, y: number) => circle(x + 11, y) }
            : { text: `owners’ local models`, draw: (x: number, y: number) => digit(x + 11, y + 4, '1 2') },
        ]
      : []),
  ]
  const head = legend(items, 0, width)
  const longest = Math.max(...names.map((name) => name.length))
  const left = Math.min(110, 12 + 6.8 * longest)
  const values = { unified: unified && recall(unified), pooled: pooled && recall(pooled), locals: locals.map(recall) }
  const shown = [values.unified ?? [], values.pooled ?? [], ...values.locals].flat()
  const { domain, ticks } = percentAxis(shown.filter((value) => value !== undefined))
  const x = scaleLinear(domain, [left + 6, width - 44])
  const top = head.height + 8
  const bottom = top + names.length * ROW
  const grid = ticks.map(
    (t) =>
      html`<path class="grid" d="M${px(x(t))} ${top}V${bottom}"/><text class="tick" x="${px(x(t))}" y="${bottom + 16}" text-anchor="middle">${t}${t === 100 && ' %'}</text>`,
  )
  const rows = names.map((name, label) => {
    const middle = top + (label + 0.5) * ROW
    const ours = values.unified?.[label]
    const theirs = values.pooled?.[label]
    const own = values.locals.map((all, i) => ({ i, value: all[label] })).filter(({ value }) => value !== undefined)
    const local = own.map(({ i, value }) =>
      ring ? circle(x(value!), middle + 6) : digit(x(value!), middle - 4, String(locals[i]!.owner)),
    )
    return html`<g><path class="grid" d="M${px(left)} ${px(middle + 6)}H${px(width - 44)}"/><text x="${px(left - 4)}" y="${px(middle + 10)}" text-anchor="end">${name}</text>${theirs !== undefined && tick(x(theirs), middle + 6)}${ours !== undefined && html`${marker(look.shape!, x(ours), middle + 6, 5, `solid ${look.color}`)}<text class="${look.color} ink strong" x="${width}" y="${px(middle + 10)}" text-anchor="end">${ours.toFixed(1)}</text>`}${local}</g>`
  })
  const title = 'Accuracy by class'
  const worst = values.unified && names[lowest(values.unified)]
  const hidden = listed(others.map(({ name }) => name))
  const rest = `${hidden} ${others.length === 1 ? 'is' : 'are'} only in the data table.`
  const desc = `${unified ? `The unified model ${unified.name} is weakest on ${worst}. ` : ''}${others.length > 0 ? rest : 'The data table has all values.'}`
  return chart({ id, width, height: bottom + 22, title, desc, only: size, body: html`${head.markup}${grid}${rows}` })
}

const tick = (x: number, y: number) =>
  html`<path class="pooled line" d="M${px(x)} ${px(y - 7)}v14" stroke-width="1.75" stroke-dasharray="3 1.5"/>`

const circle = (x: number, y: number) => marker('circle', x, y, 4.5, 'local hollow')

function lowest(values: readonly (number | undefined)[]): number {
  const known = values.map((value) => value ?? Number.POSITIVE_INFINITY)
  return known.indexOf(Math.min(...known))
}
