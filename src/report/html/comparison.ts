import { thousands } from '../../format.ts'
import { LAST_EPOCH_TEXT, PAPER_SERIES, type PaperTable, roundBeside } from '../../paper/tables.ts'
import { withoutMetrics } from '../../runs/run-description.ts'
import { kindOfSeries, seriesTitle } from '../../runs/series-name.ts'
import { estimate } from '../../stats.ts'
import type { RecordGroup } from '../run-record.ts'
import { signed, table } from './chart/figure.ts'
import { key, lookOf } from './chart/marks.ts'
import { type Content, html, type Markup } from './markup.ts'
import { imagesIn } from './shards.ts'
import { accuraciesAt, judgedRuns } from './verdict.ts'

/** The paper's table with ours on top of each figure, and the difference in points. */
export function comparisonBlock(id: string, group: RecordGroup, paper: PaperTable): Markup {
  const runs = judgedRuns(group)
  const { config, shards } = group.runs[0]!.manifest
  const images = imagesIn(shards)
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
    images < 70_000 &&
      withoutMetrics(shards).length === 0 &&
      `the paper uses all 70,000 images, these runs ${thousands(images)}`,
    config.init === 'shared' &&
      'its first round looks as if its owners began from different initial weights, while these runs shared theirs',
  ].filter((note) => note !== false)
  return html`<section class="block side" id="${id}"><div class="text"><h3>Beside the paper’s Table ${paper.number}</h3>
<p class="muted">Accuracy in percent: ours${runs.length > 1 && ` (mean ± sd of ${runs.length} seeds)`}, the paper’s, and ours minus the paper’s in points. ${paper.source}. It prints rounds 1 to 3 and “epoch ${LAST_EPOCH_TEXT}”; that row stands beside our last. ${notes.length > 0 && `To bear in mind: ${notes.join('; ')}.`}</p></div>
<div class="scroll" tabindex="0" role="region" aria-label="Comparison with Table ${paper.number}">${table(head, rows, 'paper')}</div></section>
`
}

function cell(ours: readonly number[], theirs: number, runs: number): Markup {
  const printed = html`<span class="theirs">${theirs.toFixed(2)}</span>`
  if (ours.length === 0)
    return html`<span class="ours">–</span>${runs > 1 && html`<span class="sd">\u00a0</span>`}${printed}`
  const { mean, sd } = estimate(ours)
  return html`<span class="ours">${mean.toFixed(2)}</span>${runs > 1 && html`<span class="sd">${Number.isNaN(sd) ? '\u00a0' : `± ${sd.toFixed(2)}`}</span>`}${printed}<span class="delta">${signed(mean - theirs)}</span>`
}
