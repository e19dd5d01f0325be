import type { Explained } from '../../../explain/explain-run.ts'
import { type Bar, barChart } from '../chart/bars.ts'
import { bothSizes, figure, signed, table } from '../chart/figure.ts'
import { PERCENT_AXIS } from '../chart/percent.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'

/** Where the unified model loses accuracy, place by place, and what that points to. */
export function lossesFigure(id: string, { round, losses, advice }: Explained, of: string): Markup {
  const { unified, limited, refitted, onMap, pooled } = losses
  const title = `Where the accuracy goes${of}`
  const all: readonly (readonly [string, string, number | undefined])[] = [
    ['owner’s classes', 'if it chooses among the classes of the image’s owner', limited],
    ['fitted last layer', 'with a last layer fitted to its features', refitted],
    ['fitted to last map', 'with a last layer fitted to its last map', onMap],
    ['pooled model', 'the model trained on the pooled data', pooled],
  ]
  const places = all.flatMap(([name, what, value]) => (value === undefined ? [] : [{ name, what, value }]))
  const points = (value: number) => signed(100 * (value - unified))
  const bars = places.map(({ name, value }): Bar => {
    const color = name === 'pooled model' ? 'pooled' : value < unified ? 'miss' : 'hit'
    return { name, value: 100 * value, text: `${(100 * value).toFixed(2)} (${points(value)})`, color }
  })
  const values = [unified, ...places.map(({ value }) => value)].map((value) => 100 * value)
  const axis = axisWithin([Math.min(...values) - 0.5, Math.max(...values) + 0.5], [0, 100])
  const rows = places.map(({ what, value }) => [what, (100 * value).toFixed(2), points(value)])
  return figure({
    id,
    title,
    caption: html`<p>The unified model of round ${round} recognises ${(100 * unified).toFixed(2)}\u00a0% of the test images. A bar goes from there to what it reaches if one cause of errors is taken away, in percent, with the difference in points. Nothing was trained for it.</p><p>What the numbers point to:</p><ul>${advice.map((line) => html`<li><p>${line}</p></li>`)}</ul>`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: `The unified model: ${(100 * unified).toFixed(2)}\u00a0%. ${bars.map(({ name, text }) => `${name}: ${text}`).join('; ')}.`,
        bars,
        from: 100 * unified,
        ...axis,
        tickText: PERCENT_AXIS.text,
      }),
    ),
    table: table(['', 'accuracy %', 'points'], [['the unified model', (100 * unified).toFixed(2), ''], ...rows]),
    layout: 'side',
  })
}
