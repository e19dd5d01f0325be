import type { Explained } from '../../../explain/explain-run.ts'
import { percent, thousands } from '../../../format.ts'
import { barChart, boxed } from '../chart/bars.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'

/** Pairs that are drawn. */
const MOST = 10

/** Which classes are taken for each other, and whether any owner could have learnt to tell them apart. */
export function confusedFigure(
  id: string,
  { confused }: Explained,
  names: readonly string[],
  of: string,
): Markup | undefined {
  const { pairs, errors, apart, pairsApart, pairsInAll } = confused
  if (errors === 0) return undefined
  const title = `Classes taken for each other${of}`
  const nameOf = ([a, b]: readonly [number, number]) => `${names[a] ?? a} / ${names[b] ?? b}`
  const shown = pairs.slice(0, MOST)
  const bars = shown.map((pair) => ({
    name: nameOf(pair.classes),
    value: pair.errors,
    text: `${thousands(pair.errors)} (${percent(pair.errors / errors)}\u00a0%)`,
    color: pair.apart ? 'miss' : 'hit',
  }))
  const owners = (list: readonly number[]) => (list.length > 0 ? list.join(' ') : 'none')
  const rows = pairs.map((pair) => [
    nameOf(pair.classes),
    thousands(pair.errors),
    percent(pair.errors / errors),
    pair.apart ? 'no' : 'yes',
    owners(pair.owners[0]),
    owners(pair.owners[1]),
  ])
  return figure({
    id,
    title,
    caption: html`<p>Errors of the unified model between two classes, both ways, and their share of all errors. Red: no owner has images of both, so none could learn to tell them apart. ${percent(apart / errors)}\u00a0% of ${thousands(errors)} errors lie between such classes: ${pairsApart} of ${pairsInAll} pairs.${pairs.length > shown.length && ` Drawn are the ${shown.length} commonest of ${pairs.length}.`}</p>`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: bars
          .map(({ name, text, color }) => `${name}: ${text}${color === 'miss' ? ', of different owners' : ''}`)
          .join('; '),
        bars,
        from: 0,
        ...axisWithin([0, shown[0]!.errors], [0, Number.POSITIVE_INFINITY]),
        tickText: (tick) => (Number.isInteger(tick) ? thousands(tick) : ''),
        legend: [boxed('an owner has both', 'hit'), boxed('no owner has both', 'miss')],
      }),
    ),
    table: table(['classes', 'errors', '% of all', 'an owner has both', 'owners of the first', 'of the second'], rows),
    layout: 'side',
  })
}
