import type { RunEstimate } from '../../batch/estimate.ts'
import { reasonOf } from '../../batch/failure.ts'
import type { BatchResult } from '../../batch/run-batch.ts'
import type { StaleRuns } from '../../batch/stale-runs.ts'
import type { FolderSummary, SummaryRow } from '../../batch/summary.ts'
import { lastRound } from '../../federation/schedule.ts'
import { duration, percent, plusMinus, thousands } from '../../format.ts'
import { VERSION } from '../../package.ts'
import { ownerOf, seriesTitle } from '../../runs/series-name.ts'
import { extremes, largest } from '../../stats.ts'
import { shellWord } from '../../system/shell-word.ts'
import { oneLine } from '../../visible.ts'
import { columns } from './columns.ts'

/**
 * What a batch would run, and about how long that would take.
 * @param options runs at the same time; characters of a line
 */
export function planText(
  estimates: readonly (RunEstimate | BatchResult)[],
  { jobs = 1, width }: { readonly jobs?: number; readonly width?: number | undefined } = {},
): string {
  const rows = estimates.map((one) => {
    const { path, state, experiment } = one.run
    const rounds = String(lastRound(experiment))
    if ('outcome' in one) return [path, 'would fail', rounds, '-', '-']
    const work = one.images ? [thousands(one.images), duration(one.seconds)] : ['-', '-']
    return [path, state === 'none' ? 'new' : state, rounds, ...work]
  })
  const seconds = estimates.reduce((sum, one) => sum + ('outcome' in one ? 0 : one.seconds), 0) / jobs
  const table = columns(['run', 'state', 'rounds', 'images to train', 'about'], rows, width)
  const fetched = estimates.flatMap((one) => ('fetched' in one && one.fetched !== undefined ? [one.fetched] : []))
  if (fetched.length > 0) {
    const notes = [...new Set(fetched)].map(oneLine).join('\n')
    const advice = 'to see how long the training takes, fetch it first: fedunify data fetch'
    return `${table}\n\n${rows.length} runs\n${notes}\n${advice}\nnothing was fetched or written\n`
  }
  const total = `${rows.length} runs, about ${duration(seconds)} of training on this machine; nothing was written`
  return `${table}\n\n${total}\n`
}

/**
 * A folder's summary: the last round of every series, mean ± sd over the seeds, in percent.
 * @param page its report, if one was written
 */
export function summaryText({ folder, file, rows }: FolderSummary, width?: number, page?: string): string {
  const report = page === undefined ? `next: fedunify report ${oneLine(shellWord(folder))}` : oneLine(page)
  return `\n${oneLine(folder)}\n${summaryTable(rows, width)}\n${oneLine(file)}\n${report}\n`
}

/** Local models of more owners than this are told by the least, the median and the most accurate of them. */
const MAX_LOCALS = 6

function summaryTable(rows: readonly SummaryRow[], width?: number): string {
  const groups = [...new Set(rows.map(({ group }) => group))]
  const series = [...new Set(rows.map((row) => row.series))]
  const owners = series.filter((name) => ownerOf(name) !== undefined)
  const many = owners.length > MAX_LOCALS
  const single = many ? series.filter((name) => !owners.includes(name)) : series
  const lines = groups.map((group) => {
    const own = rows.filter((row) => row.group === group)
    const lastOf = (name: string) => own.findLast((row) => row.series === name)
    const cells = single.map((name) => {
      const last = lastOf(name)
      return last ? plusMinus(last, percent) : ''
    })
    const means = many ? owners.flatMap((name) => lastOf(name)?.mean ?? []) : []
    const spread = many ? Object.values(extremes(means)).map((mean) => (means.length > 0 ? percent(mean) : '')) : []
    const [seeds, round] = [largest(own.map((row) => row.seeds)), largest(own.map((row) => row.round))]
    return [group || '-', String(seeds), String(round), ...spread, ...cells]
  })
  const spread = many ? ['min', 'median', 'max'].map((which) => `${which} local`) : []
  const table = columns(['run', 'seeds', 'round', ...spread, ...single.map(seriesTitle)], lines, width)
  return many ? `${table}\nlocal: of ${owners.length} owners; each of them is in the file` : table
}

/** 4 finished, 0 skipped, 0 failed of 4 runs in 3.1 s */
export function tallyText(results: readonly BatchResult[], runs: number, seconds: number): string {
  const counts = (['finished', 'skipped', 'failed'] as const).map((outcome) => {
    return `${results.filter((result) => result.outcome === outcome).length} ${outcome}`
  })
  return `\n${counts.join(', ')} of ${runs} runs in ${duration(seconds)}\n`
}

/** Runs that failed, and why: their lines may be far above, or were not printed. */
export const failedText = (results: readonly BatchResult[]): string =>
  results
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ run, error }) => `failed: ${oneLine(run.path)}: ${reasonOf(run, error)}\n`)
    .join('')

/** Of runs that were skipped though another version of fedunify made them. */
export function otherVersionsText(results: readonly BatchResult[]): string {
  const versions = results.flatMap(({ madeBy }) => (madeBy === undefined || madeBy === VERSION ? [] : [madeBy]))
  if (versions.length === 0) return ''
  const who = [...new Set(versions)].map(oneLine).join(', ')
  const runs = versions.length === 1 ? '1 run is' : `${versions.length} runs are`
  return `note: ${runs} by fedunify ${who}, and this is ${VERSION}: --force does finished runs again\n`
}

/** Of runs that an edited experiment no longer means. */
export const staleText = (all: readonly StaleRuns[]): string =>
  all
    .map(({ folder, runs, keys }) => {
      const which = runs.length > 3 ? `${runs.slice(0, 3).join(', ')} and ${runs.length - 3} more` : runs.join(', ')
      const other = keys.length > 0 ? `another ${keys.join(', ')}` : 'other settings'
      const what = `note: ${oneLine(folder)} also holds runs with ${oneLine(other)}: ${oneLine(which)}`
      return `${what}; check, compare and report read them too, so remove those that are out of date\n`
    })
    .join('')
