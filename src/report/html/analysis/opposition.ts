import type { Opposition } from '../../../explain/opposition.ts'
import { decimals, percent } from '../../../format.ts'
import { barChart, boxed, ringed } from '../chart/bars.ts'
import { bothSizes, figure, signed, table } from '../chart/figure.ts'
import { html, type Markup } from '../markup.ts'

/** How the owners pull apart in a round, layer by layer. */
export function oppositionFigure(id: string, { layers, step }: Opposition, of: string): Markup {
  const title = `How the owners pull apart${of}`
  const bars = layers.map(({ layer, cosine, cancelled }) => ({
    name: layer,
    value: cosine,
    ring: cancelled,
    text: signed(cosine),
    color: cosine < 0 ? 'miss' : 'hit',
  }))
  const rows = layers.map(({ layer, cosine, cancelled, kept }) => [
    layer,
    signed(cosine),
    percent(cancelled),
    percent(kept),
  ])
  return figure({
    id,
    title,
    caption: html`<p>The owners’ ways from the model that they received, in the last round whose weights were kept. Bar: the mean cosine between two of them, 1 the same way, 0 unrelated, −1 opposite. Ring: the share of what they move that the mean loses because signs differ, from 0 to 1.</p><p>FedExP’s step is ${decimals(step)}: 0.5 if all owners go one way, and the larger the more they pull apart.</p>`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: layers
          .map(
            ({ layer, cosine, cancelled }) =>
              `${layer}: cosine ${signed(cosine)}, ${percent(cancelled)}\u00a0% cancelled`,
          )
          .join('; '),
        bars,
        from: 0,
        domain: [-1, 1],
        ticks: [-1, -0.5, 0, 0.5, 1],
        tickText: (tick) => (tick === 0 ? '0' : signed(tick, Number.isInteger(tick) ? 0 : 1)),
        legend: [boxed('cosine', 'hit'), ringed('cancelled')],
      }),
    ),
    table: table(['layer', 'cosine', 'cancelled %', 'length kept %'], rows),
    layout: 'side',
  })
}
