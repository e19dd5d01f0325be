import { largest } from '../../stats.ts'
import type { RecordGroup } from '../run-record.ts'
import { MAX_ROUNDS } from './accuracy.ts'
import { figure, signed, table } from './chart/figure.ts'
import { type Line, lineChart } from './chart/line-chart.ts'
import { key, type Look, lookOf, numbered } from './chart/marks.ts'
import { thinOut } from './chart/scale.ts'
import { type Content, html, type Markup } from './markup.ts'
import { accuracySeries, roundsOf } from './series.ts'
import { drivingRule, estimateText, paperOf, verdictOf } from './verdict.ts'

/** More groups than this are in the table alone. */
const MAX_GROUPS = 6

/** How each group looks: as the rule that drives it, as in its chapter, if that tells them apart. */
function looksOf(groups: readonly RecordGroup[]): Look[] {
  const drivers = groups.map(({ runs }) => drivingRule(runs[0]!))
  const apart = new Set(drivers).size === groups.length
  return drivers.map((name, i) => (apart ? lookOf({ name, kind: 'unified' }) : numbered(i)))
}

/** What each group came to, a row each, with links to their chapters. */
export function overviewTable(groups: readonly RecordGroup[]): Markup {
  const looks = looksOf(groups)
  const rows = groups.map((group, i): Content[] => {
    const verdict = verdictOf(group, paperOf(group))
    const name = html`${i + 1}\u2002${i < MAX_GROUPS && groups.length <= MAX_GROUPS && key(looks[i]!)}<a href="#g${i + 1}">${group.label}</a>`
    if (!verdict) {
      const rounds = largest(group.runs.map((run) => run.rounds))
      return [name, '–', '–', '–', '–', '–', rounds, group.runs.length]
    }
    const { unified, pooled, paper, merge, round, seeds } = verdict
    return [
      name,
      html`<strong>${estimateText(unified)}</strong>`,
      pooled ? estimateText(pooled) : '–',
      pooled ? signed(unified.mean - pooled.mean) : '–',
      paper ? signed(unified.mean - paper.value) : '–',
      merge,
      round,
      seeds,
    ]
  })
  const head = ['', 'unified %', 'pooled %', 'to pooled', 'to the paper', 'merge', 'rounds', 'seeds']
  // Without a baseline, or a table of the paper, its columns would be dashes alone.
  const filled = head.map((_, column) => column === 0 || rows.some((row) => row[column] !== '–'))
  const shown = <T>(cells: readonly T[]) => cells.filter((_, column) => filled[column])
  const distances = [filled[3] && 'to the pooled baseline', filled[4] && 'to the paper’s last row'].filter(Boolean)
  const distance = distances.length > 0 && `, and its distance in points ${distances.join(' and ')}`
  return html`<section class="block" id="verdict" aria-label="Verdict"><h3>What each came to</h3><p class="muted">Accuracy of the unified model after the last round, mean ± standard deviation over the seeds${distance}.</p><div class="scroll" tabindex="0" role="region" aria-label="Overview">${table(shown(head), rows.map(shown))}</div></section>
`
}

/** A longer label is its number in a drawing. */
const MAX_LABEL = 14

/** The unified accuracy of all groups by round. */
export function overviewFigure(id: string, groups: readonly RecordGroup[]): Markup | undefined {
  if (groups.length > MAX_GROUPS) return undefined
  const looks = looksOf(groups)
  const drawn = groups.flatMap((group, i) => {
    const unified = accuracySeries(group.runs).find(({ kind }) => kind === 'unified')
    return unified
      ? [
          {
            name: group.label.length <= MAX_LABEL ? group.label : `no. ${i + 1}`,
            look: looks[i]!,
            points: unified.points,
          },
        ]
      : []
  })
  if (drawn.length < 2) return undefined
  const rounds = thinOut(roundsOf(drawn), MAX_ROUNDS)
  const lines: Line[] = drawn.map((line) => ({
    ...line,
    points: line.points.filter(({ round }) => rounds.includes(round)),
  }))
  const title = 'Unified accuracy by round'
  const rows = rounds.map((round) => [
    round,
    ...lines.map(({ points }) => points.find((p) => p.round === round)?.value.toFixed(2) ?? ''),
  ])
  const desc = lines.map(({ name, points }) => `${name}: ${points.at(-1)!.value.toFixed(2)} at the end`).join('; ')
  return figure({
    id,
    title,
    caption: html`<p>Of the model that is copied back.${groups.some(({ runs }) => runs.length > 1) && ' Bands are one standard deviation over the seeds to both sides.'}${lines.some(({ name }) => name.startsWith('no. ')) && ' Numbers are those of the table above.'}</p>`,
    plots: (['wide', 'narrow'] as const).map((size) =>
      lineChart({ id: `${id}-${size}`, size, title, desc, lines, references: [], legend: [], rounds }),
    ),
    table: table(['round', ...lines.map(({ name, look }) => html`${key(look)}${name}`)], rows),
    layout: 'side',
    crosshair: 'round',
  })
}
