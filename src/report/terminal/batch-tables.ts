import type { RunEstimate } from '../../batch/estimate.ts'
import type { BatchResult } from '../../batch/run-batch.ts'
import type { FolderSummary, SummaryRow } from '../../batch/summary.ts'
import { duration, percent, plusMinus, thousands } from '../../format.ts'
import { ownerOf, seriesTitle } from '../../runs/series-name.ts'
import { largest } from '../../stats.ts'
import { shellWord } from '../../system/shell-word.ts'
import { oneLine } from '../../visible.ts'
import { columns } from './columns.ts'

/** What a batch would run, and about how long that would take. */
export function planText(estimates: readonly (RunEstimate | BatchResult)[], width?: number): string {
  const rows = estimates.map((one) => {
    const { path, state, experiment } = one.run
    const rounds = String(experiment.rounds)
    if ('outcome' in one) return [path, 'would fail', rounds, '-', '-']
    const work = one.images ? [thousands(one.images), duration(one.seconds)] : ['-', '-']
    return [path, state === 'none' ? 'new' : state, rounds, ...work]
  })
  const seconds = estimates.reduce((sum, one) => sum + ('outcome' in one ? 0 : one.seconds), 0)
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

/** The local models of more owners than this are in summary.csv only. */
const MAX_LOCALS = 6

function summaryTable(rows: readonly SummaryRow[], width?: number): string {
  const groups = [...new Set(rows.map(({ group }) => group))]
  const series = [...new Set(rows.map((row) => row.series))].filter((name) => (ownerOf(name) ?? 0) <= MAX_LOCALS)
  const lines = groups.map((group) => {
    const own = rows.filter((row) => row.group === group)
    const cells = series.map((name) => {
      const last = own.findLast((row) => row.series === name)
      return last ? plusMinus(last, percent) : ''
    })
    const [seeds, round] = [largest(own.map((row) => row.seeds)), largest(own.map((row) => row.round))]
    return [group || '-', String(seeds), String(round), ...cells]
  })
  return columns(['run', 'seeds', 'round', ...series.map(seriesTitle)], lines, width)
}

/** 4 finished, 0 skipped, 0 failed of 4 runs in 3.1 s */
export function tallyText(results: readonly BatchResult[], runs: number, seconds: number): string {
  const counts = (['finished', 'skipped', 'failed'] as const).map((outcome) => {
    return `${results.filter((result) => result.outcome === outcome).length} ${outcome}`
  })
  return `\n${counts.join(', ')} of ${runs} runs in ${duration(seconds)}\n`
}
