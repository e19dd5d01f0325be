import { unlikePaper } from '../../compare/unlike-paper.ts'
import { decimals, plusMinus, roundsText } from '../../format.ts'
import { type PaperTable, paperTableFor, printedAt } from '../../paper/tables.ts'
import { nameOf } from '../../parts.ts'
import { endingRuns } from '../../runs/read/run-groups.ts'
import { type At, pointAt } from '../../runs/read/series.ts'
import { drivingRule, withoutMetrics } from '../../runs/run-description.ts'
import { POOLED_SERIES } from '../../runs/series-name.ts'
import { type Estimate, estimate, largest } from '../../stats.ts'
import type { RecordGroup, RunRecord } from '../run-record.ts'
import { signed } from './chart/figure.ts'
import { html, type Markup } from './markup.ts'

/** What a group of runs came to; accuracies over the seeds, in percent. */
export interface Verdict {
  /** The rule that drives them. */
  readonly merge: string
  /** The last round; of several runs that ended at different rounds, the latest. */
  readonly round: number
  readonly seeds: number
  readonly owners: number
  /** Owners on whose test images that is: those that share their metrics. */
  readonly testedBy: number
  readonly unified: Estimate
  readonly pooled: Estimate | undefined
  /** Highest unified accuracy of any round, a mean over the runs' own. */
  readonly best: Estimate
  /** The paper's last row for the same rule, if they are comparable with it. */
  readonly paper: { readonly value: number; readonly table: number } | undefined
}

/** The paper's table about what a group ran; its figures are of two owners on Fashion-MNIST. */
export function paperOf({ runs }: RecordGroup): PaperTable | undefined {
  const { config } = runs[0]!.manifest
  return config.dataset === 'fashion-mnist' && config.owners === 2 ? paperTableFor(nameOf(config.env)) : undefined
}

/** Why the runs of a group are not comparable with the paper; empty if they are. */
export const unlikePaperOf = (group: RecordGroup): string[] => [...new Set(judgedRuns(group).flatMap(unlikePaper))]

/** The paper's table, if what a group ran is comparable with it. */
export const comparablePaper = (group: RecordGroup): PaperTable | undefined =>
  unlikePaperOf(group).length === 0 ? paperOf(group) : undefined

/** The runs that a group's end is judged by: the finished ones, or if there are none those with any round. */
export const judgedRuns = ({ runs }: RecordGroup): readonly RunRecord[] =>
  endingRuns(runs.filter(({ rounds }) => rounds > 0))

/** Accuracies in percent of a series of several runs, of those that have it there. */
export const accuraciesAt = (runs: readonly RunRecord[], series: string, at: At): number[] =>
  runs.flatMap((run) => {
    const point = pointAt(run, series, at)
    return point ? [100 * point.accuracy] : []
  })

/** @returns undefined if no round was finished, no owner shares its metrics, or the last round was not evaluated */
export function verdictOf(group: RecordGroup, paper: PaperTable | undefined): Verdict | undefined {
  const runs = judgedRuns(group)
  const [first] = runs
  if (!first) return undefined
  const merge = drivingRule(first)
  const unified = accuraciesAt(runs, merge, 'end')
  if (unified.length === 0) return undefined
  const pooled = accuraciesAt(runs, POOLED_SERIES, 'end')
  const printed = paper && printedAt(paper, merge, 'end')
  return {
    merge,
    round: largest(runs.map(({ rounds }) => rounds)),
    seeds: runs.length,
    owners: first.manifest.shards.length,
    testedBy: first.manifest.shards.length - withoutMetrics(first.manifest.shards).length,
    unified: estimate(unified),
    pooled: pooled.length > 0 ? estimate(pooled) : undefined,
    best: estimate(accuraciesAt(runs, merge, 'best')),
    paper: printed === undefined ? undefined : { value: printed, table: paper!.number },
  }
}

/** The same, beside the paper if the runs are comparable with it. */
export const verdictBesidePaper = (group: RecordGroup): Verdict | undefined => verdictOf(group, comparablePaper(group))

/** 60.25 ± 1.30 */
export const estimateText = (one: Estimate): string => plusMinus(one, decimals)

const beside = (gap: number, what: string) => {
  const points = Math.abs(gap).toFixed(2)
  if (Number(points) === 0) return `level with ${what}`
  return `${points} points ${gap < 0 ? 'below' : 'above'} ${what}`
}

const whose = ({ testedBy, owners }: Verdict): string => {
  if (testedBy >= owners) return 'all owners’'
  return testedBy === 1 ? 'the one sharing owner’s' : `the ${testedBy} sharing owners’`
}

/** One sentence that says how good the unified model is, beside what it is measured against. */
export function sentence(v: Verdict): string {
  const what = `the unified model of ${v.owners} owners (${v.merge}) recognises ${v.unified.mean.toFixed(2)}\u00a0% of ${whose(v)} test images`
  const gaps = [
    v.pooled &&
      beside(v.unified.mean - v.pooled.mean, `a model trained on their pooled data (${estimateText(v.pooled)}\u00a0%)`),
    v.paper &&
      beside(
        v.unified.mean - v.paper.value,
        `the paper’s last row for ${v.merge} (${v.paper.value.toFixed(2)}\u00a0%)`,
      ),
  ].filter((gap) => gap !== undefined)
  return `After ${roundsText(v.round)}, ${what}${gaps.length > 0 ? `: ${gaps.join(', and ')}` : ''}.`
}

/** Why there is no verdict. */
function whyNone({ runs }: RecordGroup): string {
  if (runs.every(({ rounds }) => rounds === 0)) return 'No round was finished: there is no accuracy yet.'
  const silent = runs.every(({ manifest: { shards } }) => withoutMetrics(shards).length === shards.length)
  return silent ? 'No accuracy is known: the owners share no metrics.' : 'The last finished round was not evaluated.'
}

/** The verdict on top: the number, the sentence, and what else belongs to it. */
export function verdictBlock(group: RecordGroup, v: Verdict | undefined): Markup {
  if (!v) return html`<section class="verdict" aria-label="Verdict"><p>${whyNone(group)}</p></section>`
  const facts: [string, string][] = [['best round', `${estimateText(v.best)}\u00a0%`]]
  if (v.pooled) facts.push(['unified − pooled', `${signed(v.unified.mean - v.pooled.mean)} points`])
  if (v.paper)
    facts.push([`unified − paper, Table ${v.paper.table}`, `${signed(v.unified.mean - v.paper.value)} points`])
  return html`<section class="verdict" aria-label="Verdict">
<div class="figure-number" data-verdict="unified">${v.unified.mean.toFixed(2)}<small>%</small>${!Number.isNaN(v.unified.sd) && html`<span class="spread">± ${v.unified.sd.toFixed(2)}, sd of ${v.seeds} seeds</span>`}</div>
<p>${sentence(v)}</p>
</section>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
`
}
