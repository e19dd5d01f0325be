import { join } from 'node:path'
import { configHash } from '../config/hash.ts'
import { sheet } from '../csv.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { groupRuns, type RunGroup } from '../runs/read/run-groups.ts'
import { kindOfSeries } from '../runs/series-name.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { type Estimate, estimate } from '../stats.ts'
import type { BatchRun } from './plan.ts'

/** An accuracy, a fraction, over the seeds of one group, for one series and round. */
export interface SummaryRow extends Estimate {
  /** The experiment's values of its matrix; then a piece of a hash, if other experiments have the same values. */
  readonly group: string
  /** Its name, as in runs/series-name.ts. */
  readonly series: string
  readonly round: number
  readonly seeds: number
}

type Summarised = Pick<BatchRun, 'group' | 'path' | 'experiment'>

/** The summary of runs, in the order of their groups; of a group the local models first, then by round and series. */
export async function summarise(runs: readonly Summarised[]): Promise<SummaryRow[]> {
  const groups = groupRuns(
    runs,
    ({ experiment }) => experiment,
    ({ group }) => group,
  )
  const rows: SummaryRow[] = []
  for (const group of groups) rows.push(...(await summariseGroup(groupName(group, groups), group)))
  return rows
}

async function summariseGroup(group: string, { runs }: RunGroup<Summarised>): Promise<SummaryRow[]> {
  const cells = new Map<string, { series: string; round: number; values: number[] }>()
  for (const { path } of runs) {
    for (const [series, points] of (await loadRun(path)).series) {
      for (const { round, accuracy } of points) {
        const cell = cells.get(`${round} ${series}`) ?? { series, round, values: [] }
        cell.values.push(accuracy)
        cells.set(`${round} ${series}`, cell)
      }
    }
  }
  const unified = (series: string) => Number(kindOfSeries(series) !== 'local')
  return [...cells.values()]
    .sort((a, b) => unified(a.series) - unified(b.series) || a.round - b.round)
    .map(({ series, round, values }) => ({ group, series, round, seeds: values.length, ...estimate(values) }))
}

/** Two files of one name may give two experiments, which must not look like seeds of one. */
function groupName({ name, runs }: RunGroup<Summarised>, groups: readonly RunGroup<Summarised>[]): string {
  if (groups.filter((other) => other.name === name).length === 1) return name
  const hash = configHash({ ...runs[0]!.experiment, seed: 0 }).slice(0, 8)
  return name ? `${name}-${hash}` : hash
}

/** summary.csv; the deviation of a single seed stays empty. */
export function summaryCsv(rows: readonly SummaryRow[]): string {
  const lines = rows.map((r) => [r.group, r.series, r.round, r.seeds, r.mean, Number.isNaN(r.sd) ? '' : r.sd])
  return sheet([['group', 'series', 'round', 'seeds', 'mean', 'sd'], ...lines])
}

/** The summary of the runs in one folder, and the file that holds it. */
export interface FolderSummary {
  readonly folder: string
  readonly file: string
  /** The folders of its runs. */
  readonly runs: readonly string[]
  readonly rows: readonly SummaryRow[]
}

/** Writes a summary.csv into each folder that holds some of the runs, one after the other. */
export async function* writeSummaries(runs: readonly BatchRun[]): AsyncGenerator<FolderSummary> {
  const folders = new Map<string, BatchRun[]>()
  for (const run of runs) {
    const folder = join(run.experiment.out, run.experiment.name)
    folders.set(folder, [...(folders.get(folder) ?? []), run])
  }
  for (const [folder, own] of folders) {
    const summary = {
      folder,
      file: join(folder, 'summary.csv'),
      runs: own.map(({ path }) => path),
      rows: await summarise(own),
    }
    await putFile(summary.file, summaryCsv(summary.rows))
    yield summary
  }
}
