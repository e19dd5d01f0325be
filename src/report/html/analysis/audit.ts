import type { Measure } from '../../../audit/attack.ts'
import type { Audited, AuditRow } from '../../../audit/audit-run.ts'
import { farthest } from '../../../audit/verdict.ts'
import { type Bar, barChart } from '../chart/bars.ts'
import { bothSizes, figure, table } from '../chart/figure.ts'
import { axisWithin } from '../chart/scale.ts'
import { html, type Markup } from '../markup.ts'
import { attackedImages } from './attacked-images.ts'
import { inferredLabels } from './inferred-labels.ts'

/** What attacks made of what others see of the owners, and what they brought to light. */
export function auditFigures(
  id: string,
  audited: Audited,
  classNames: readonly string[],
  of: string,
): (Markup | undefined)[] {
  const { rows } = audited
  if (rows.length === 0) return []
  return [
    attacksFigure(id, audited, of),
    ...rows.flatMap(({ images }, i) => (images ? [attackedImages(`${id}-images-${i}`, images, of)] : [])),
    ...rows.flatMap((row, i) =>
      row.shares ? [inferredLabels(`${id}-labels-${i}`, { ...row, shares: row.shares }, classNames, of)] : [],
    ),
  ]
}

function attacksFigure(id: string, { rows, notMade }: Audited, of: string): Markup {
  const title = `Attacks on what others see${of}`
  const bars = rows.flatMap((row): Bar[] => {
    const reached = farthest(row)
    if (reached === undefined) return []
    const value = 100 * reached
    return [{ name: shortName(row), value, text: String(Math.round(value)), color: value < 5 ? 'hit' : 'miss' }]
  })
  const values = bars.map(({ value }) => value)
  const axis = axisWithin([Math.min(0, ...values), 100], [Math.min(0, ...values), 100])
  return figure({
    id,
    title,
    caption: html`<p>How far each attack goes, in percent: 0 is as good as a guess, 100 is all of it. It is the figure in which it goes farthest, and the lower end of its interval if it has one.</p><ul>${rows.map((row) => html`<li><p>${row.name} by the ${row.by} on ${row.of}: ${row.verdict}.</p></li>`)}</ul>${notesOf(rows)}${notMade.map(({ name, reason }) => html`<p>Not made: ${name}, ${reason}.</p>`)}`,
    plots: bothSizes((size) =>
      barChart({
        id: `${id}-${size}`,
        size,
        title,
        desc: rows.map((row) => `${row.name} on ${row.of}: ${row.verdict}`).join('; '),
        bars,
        from: 0,
        ...axis,
        tickText: (tick) => String(tick),
      }),
    ),
    table: table(
      ['attack', 'by', 'on', 'figure', 'result', '95 %', 'a guess'],
      rows.flatMap((row) => row.measures.map((measure) => [row.attack, row.by, row.of, ...cells(measure)])),
    ),
    layout: 'side',
  })
}

/** "membership: owner 1, LiRA": there is room for 30 letters. */
const shortName = ({ name, of }: AuditRow) =>
  `${name.replace(/-.*/, '')}: ${of.replace(/^(the model of|the|a) /, '').replace(' model', '')}`

const notesOf = (rows: readonly AuditRow[]) =>
  [...new Set(rows.flatMap(({ notes = [] }) => notes))].map((note) => html`<p>Note: ${note}.</p>`)

const cells = ({ name, value, low, high, guess }: Measure): string[] => [
  name,
  value.toPrecision(4),
  low === undefined || high === undefined ? '' : `${low.toPrecision(3)} to ${high.toPrecision(3)}`,
  guess?.toPrecision(4) ?? '',
]
