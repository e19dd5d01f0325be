import { LAST_EPOCH_TEXT, PAPER_SERIES, type PaperTable, roundBeside } from '../../../paper/tables.ts'
import { kindOfSeries, seriesTitle } from '../../../runs/series-name.ts'
import { estimate } from '../../../stats.ts'
import type { RecordGroup } from '../../run-record.ts'
import { scrollBox, signed, table } from '../chart/figure.ts'
import { key, lookOf } from '../chart/marks.ts'
import { type Content, html, type Markup } from '../markup.ts'
import { accuraciesAt, judgedRuns, unlikePaperOf } from '../verdict.ts'

/** The paper's table with ours on top of each figure, and the difference in points. */
export function comparisonBlock(id: string, group: RecordGroup, paper: PaperTable): Markup {
  const runs = judgedRuns(group)
  const { config } = group.runs[0]!.manifest
  const head = [
    'round',
    ...PAPER_SERIES.map((name) => {
      const kind = kindOfSeries(name)
      return kind === 'local' ? seriesTitle(name) : html`${key(lookOf({ name, kind }))}${name}`
    }),
  ]
  const rows = paper.rows.map((row): Content[] => {
    const at = roundBeside(row)
    const name = html`<span class="ours">${at === 'end' ? 'last' : at}</span>${runs.length > 1 && html`<span class="sd">± sd</span>`}<span class="theirs">paper${at === 'end' && `, ${LAST_EPOCH_TEXT}`}</span><span class="delta">difference</span>`
    const cells = PAPER_SERIES.map((series) => cell(accuraciesAt(runs, series, at), row[series], runs.length))
    return [name, ...cells]
  })
  const notes = [
    ...unlikePaperOf(group),
    config.init === 'shared' &&
      'all owners start from the same weights; the paper’s first round looks as if they did not',
  ].filter((note) => note !== false)
  return html`<section class="block side" id="${id}"><h3>Beside the paper’s Table ${paper.number}</h3>
<div class="text"><p class="muted">Accuracy in percent: ours${runs.length > 1 && ` (mean ± sd of ${runs.length} seeds)`}, the paper’s, and ours minus the paper’s in points. ${paper.source}. It prints epochs 1 to 3 and ${LAST_EPOCH_TEXT}; the last is compared with our last round.</p>${notes.length > 0 && html`<p class="muted">These runs differ from the paper: ${notes.join('; ')}.</p>`}</div>
${scrollBox(`Comparison with Table ${paper.number}`, table(head, rows, 'paper'))}</section>
`
}

function cell(ours: readonly number[], theirs: number, runs: number): Markup {
  const printed = html`<span class="theirs">${theirs.toFixed(2)}</span>`
  if (ours.length === 0)
    return html`<span class="ours">–</span>${runs > 1 && html`<span class="sd">\u00a0</span>`}${printed}`
  const { mean, sd } = estimate(ours)
  return html`<span class="ours">${mean.toFixed(2)}</span>${runs > 1 && html`<span class="sd">${Number.isNaN(sd) ? '\u00a0' : `± ${sd.toFixed(2)}`}</span>`}${printed}<span class="delta">${signed(mean - theirs)}</span>`
}
