import { meanAndDeviation } from '../../batch/summary.ts'
import { type PaperTable, paperTableFor } from '../../paper/tables.ts'
import { nameOf } from '../../parts.ts'
import { largest } from '../../stats.ts'
import type { RunGroup, RunRecord } from '../load.ts'
import { signed } from './chart/figure.ts'
import { html, type Markup } from './markup.ts'

/** A value over the seeds, in percent; without deviation where there is one seed. */
export interface Estimate {
  readonly mean: number
  readonly sd: number | undefined
}

/** What a group of runs came to. */
export interface Verdict {
  /** The rule whose model is copied back. */
  readonly merge: string
  /** The last round; of several runs that ended at different rounds, the latest. */
  readonly round: number
  readonly seeds: number
  readonly owners: number
  readonly unified: Estimate
  readonly pooled: Estimate | undefined
  /** Highest unified accuracy of any round, a mean over the runs' own. */
  readonly best: Estimate
  /** The paper's last row for the same rule. */
  readonly paper: { readonly value: number; readonly table: number } | undefined
}

/** The paper's table about what a group ran; its figures are of two owners on Fashion-MNIST. */
export function paperOf({ runs }: RunGroup): PaperTable | undefined {
  const { config } = runs[0]!.manifest
  return config.dataset === 'fashion-mnist' && config.owners === 2 ? paperTableFor(nameOf(config.env)) : undefined
}

export function estimate(values: readonly number[]): Estimate {
  const { mean, sd } = meanAndDeviation(values)
  return { mean, sd: values.length > 1 ? sd : undefined }
}

export const say = ({ mean, sd }: Estimate): string =>
  sd === undefined ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${sd.toFixed(2)}`

/** The runs that a group's end is judged by: the finished ones, or where there are none those with any round. */
export function judgedRuns({ runs }: RunGroup): RunRecord[] {
  const begun = runs.filter(({ tables }) => tables.unified.length > 0)
  const finished = begun.filter(({ manifest }) => manifest.status === 'finished')
  return finished.length > 0 ? finished : begun
}

/** Accuracy in percent of a series of a run at a round, or at its last. */
export function accuracyAt({ tables }: RunRecord, series: string, at: number | 'end'): number | undefined {
  const owner = /^local_(\d+)$/.exec(series)?.[1]
  const rows = owner
    ? tables.local.filter((r) => r.owner === Number(owner)).map((r) => ({ round: r.round, accuracy: r.local_accuracy }))
    : tables.unified.filter((r) => r.merge === series)
  const row = at === 'end' ? rows.at(-1) : rows.find(({ round }) => round === at)
  return row && 100 * row.accuracy
}

/** @returns undefined where no round was finished */
export function verdictOf(group: RunGroup, paper: PaperTable | undefined): Verdict | undefined {
  const runs = judgedRuns(group)
  const [first] = runs
  const merge = first?.tables.unified[0]?.merge
  if (!first || merge === undefined) return undefined
  const ends = (series: string) => runs.flatMap((run) => accuracyAt(run, series, 'end') ?? [])
  const pooled = ends('pooled')
  const bests = runs.map(({ tables }) =>
    largest(tables.unified.filter((r) => r.merge === merge).map((r) => 100 * r.accuracy)),
  )
  const last = paper?.rows.at(-1)
  const printed = last && (merge === 'avg' || merge === 'max' || merge === 'absmax') ? last[merge] : undefined
  return {
    merge,
    round: largest(runs.map(({ tables }) => tables.unified.at(-1)!.round)),
    seeds: runs.length,
    owners: first.tables.unified[0]!.owners,
    unified: estimate(ends(merge)),
    pooled: pooled.length > 0 ? estimate(pooled) : undefined,
    best: estimate(bests),
    paper: printed === undefined ? undefined : { value: printed, table: paper!.number },
  }
}

const beside = (gap: number, what: string) => {
  const points = Math.abs(gap).toFixed(2)
  if (Number(points) === 0) return `level with ${what}`
  return `${points} points ${gap < 0 ? 'below' : 'above'} ${what}`
}

/** One sentence that says how good the unified model is, beside what it is measured against. */
export function sentence(v: Verdict): string {
  const rounds = `After ${v.round} ${v.round === 1 ? 'round' : 'rounds'}`
  const what = `the unified model of ${v.owners} owners (${v.merge}) recognises ${v.unified.mean.toFixed(2)}\u00a0% of all owners’ test images`
  const gaps = [
    v.pooled &&
      beside(v.unified.mean - v.pooled.mean, `a model trained on their pooled data (${say(v.pooled)}\u00a0%)`),
    v.paper &&
      beside(
        v.unified.mean - v.paper.value,
        `the paper’s last row for ${v.merge} (${v.paper.value.toFixed(2)}\u00a0%)`,
      ),
  ].filter((gap) => gap !== undefined)
  return `${rounds}, ${what}${gaps.length > 0 ? `: ${gaps.join(', and ')}` : ''}.`
}

/** The verdict on top: the number, the sentence, and what else belongs to it. */
export function verdictBlock(v: Verdict | undefined): Markup {
  if (!v)
    return html`<section class="verdict" aria-label="Verdict"><p>No round was finished: there is no accuracy to tell yet.</p></section>`
  const facts: [string, string][] = [['best of any round', `${say(v.best)}\u00a0%`]]
  if (v.pooled) facts.push(['gap to pooled', `${signed(v.unified.mean - v.pooled.mean)} points`])
  if (v.paper)
    facts.push([`gap to the paper, Table ${v.paper.table}`, `${signed(v.unified.mean - v.paper.value)} points`])
  return html`<section class="verdict" aria-label="Verdict">
<div class="figure-number" data-verdict="unified">${v.unified.mean.toFixed(2)}<small>%</small>${v.unified.sd !== undefined && html`<span class="spread">± ${v.unified.sd.toFixed(2)}, sd of ${v.seeds} seeds</span>`}</div>
<p>${sentence(v)}</p>
</section>
<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
`
}
