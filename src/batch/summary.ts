import { stringify } from 'csv-stringify/sync'
import { configHash } from '../config/hash.ts'
import { loadRun } from '../runs/read/load-run.ts'
import type { Tables } from '../runs/read/read-tables.ts'
import type { BatchRun } from './plan.ts'

/** Mean and standard deviation over the seeds of one group, for one series and round. */
export interface SummaryRow {
  /** The experiment's values of its matrix; behind them a piece of a hash, where other experiments have them too. */
  readonly group: string
  /** local_1, local_2, …, a merge rule, or pooled. */
  readonly series: string
  readonly round: number
  readonly seeds: number
  /** Accuracy, a fraction. */
  readonly mean: number
  /** Sample standard deviation; NaN with one seed. */
  readonly sd: number
}

/** The summary of runs that belong to one experiment, in the order of group, series and round. */
export async function summarise(
  runs: readonly Pick<BatchRun, 'group' | 'path' | 'experiment'>[],
): Promise<SummaryRow[]> {
  const names = groupNames(runs)
  const cells = new Map<string, { group: string; series: string; round: number; values: number[] }>()
  for (const [i, { path }] of runs.entries()) {
    const group = names[i]!
    for (const { series, round, accuracy } of seriesOf(await loadRun(path))) {
      const key = JSON.stringify([group, series, round])
      const cell = cells.get(key) ?? { group, series, round, values: [] }
      cell.values.push(accuracy)
      cells.set(key, cell)
    }
  }
  return [...cells.values()].map(({ group, series, round, values }) => ({
    group,
    series,
    round,
    seeds: values.length,
    ...meanAndDeviation(values),
  }))
}

/** The group of each run. Two files of one name may give two experiments, which must not look like seeds of one. */
function groupNames(runs: readonly Pick<BatchRun, 'group' | 'experiment'>[]): string[] {
  const hashes = runs.map(({ experiment }) => configHash({ ...experiment, seed: 0 }))
  return runs.map(({ group }, i) => {
    const shared = runs.some((other, j) => other.group === group && hashes[j] !== hashes[i])
    return [group, shared && hashes[i]!.slice(0, 8)].filter(Boolean).join('-')
  })
}

/** The accuracies of a run by series, as SummaryRow has them. */
export function* seriesOf({
  local,
  unified,
}: Pick<Tables, 'local' | 'unified'>): Generator<{ series: string; round: number; accuracy: number }> {
  for (const row of local) yield { series: `local_${row.owner}`, round: row.round, accuracy: row.local_accuracy }
  for (const row of unified) yield { series: row.merge, round: row.round, accuracy: row.accuracy }
}

export function meanAndDeviation(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1)) }
}

/** summary.csv; a deviation that one seed cannot tell stays empty. */
export function summaryCsv(rows: readonly SummaryRow[]): string {
  const lines = rows.map((r) => [r.group, r.series, r.round, r.seeds, r.mean, Number.isNaN(r.sd) ? '' : r.sd])
  return stringify([['group', 'series', 'round', 'seeds', 'mean', 'sd'], ...lines], { escape_formulas: true })
}
