import { differingKeys, valueText } from '../../../runs/read/run-groups.ts'
import { largest } from '../../../stats.ts'
import type { RecordGroup } from '../../run-record.ts'
import { scrollBox, signed } from '../chart/figure.ts'
import { key } from '../chart/marks.ts'
import { type Content, html, type Markup } from '../markup.ts'
import { estimateText, type Verdict } from '../verdict.ts'
import { looksOf, MAX_LINES } from './lines.ts'

interface Column {
  readonly head: string
  readonly cells: readonly Content[]
}

const NONE = '–'

/**
 * The result of each experiment, a row each, with a column for each key in which they differ; a head sorts by it.
 * @param verdicts of the groups, in their order
 */
export function overviewTable(groups: readonly RecordGroup[], verdicts: readonly (Verdict | undefined)[]): Markup {
  const looks = groups.length <= MAX_LINES ? looksOf(groups) : undefined
  const names = groups.map(({ name }) => name)
  const configs = groups.map(({ config }) => config)
  const keys = differingKeys(configs)
  const of = (read: (verdict: Verdict) => Content): Content[] =>
    verdicts.map((verdict) => (verdict ? read(verdict) : NONE))
  const columns: Column[] = [
    {
      head: 'no.',
      cells: groups.map(
        ({ label }, i) => html`${looks && key(looks[i]!)}<a href="#g${i + 1}" title="${label}">${i + 1}</a>`,
      ),
    },
    ...(new Set(names).size > 1 ? [{ head: 'name', cells: names }] : []),
    ...keys.map((name) => ({
      head: name,
      cells: configs.map((config) => (config[name] === undefined ? NONE : valueText(config[name]))),
    })),
    { head: 'unified %', cells: of(({ unified }) => html`<strong>${estimateText(unified)}</strong>`) },
    { head: 'pooled %', cells: of(({ pooled }) => (pooled ? estimateText(pooled) : NONE)) },
    {
      head: 'unified − pooled',
      cells: of(({ unified, pooled }) => (pooled ? signed(unified.mean - pooled.mean) : NONE)),
    },
    { head: 'unified − paper', cells: of(({ unified, paper }) => (paper ? signed(unified.mean - paper.value) : NONE)) },
    { head: 'best round %', cells: of(({ best }) => estimateText(best)) },
    ...(keys.includes('merge') ? [] : [{ head: 'sent to owners', cells: of(({ merge }) => merge) }]),
    { head: 'rounds', cells: groups.map(({ runs }) => largest(runs.map(({ rounds }) => rounds))) },
    { head: 'seeds', cells: groups.map(({ runs }) => runs.length) },
  ]
  // Without a baseline, or runs like the paper's, a column would be dashes alone.
  const filled = columns.filter(({ cells }) => cells.some((cell) => cell !== NONE))
  const head = filled.map(
    (column) => html`<th scope="col"><button type="button" data-sort>${column.head}</button></th>`,
  )
  const rows = groups.map((_, i) => {
    const [name, ...cells] = filled.map((column) => column.cells[i])
    return html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`
  })
  const seeds = groups.some(({ runs }) => runs.length > 1)
  return html`<section class="block" id="verdict" aria-label="Results"><h3>Results</h3><p class="muted">Accuracy of the unified model after the last round${seeds && ', mean ± standard deviation over the seeds'}; differences in points. A click on a column’s head sorts by it.</p>${scrollBox('Results', html`<table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>`)}</section>
`
}
