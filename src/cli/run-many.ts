import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { estimateBatch } from '../batch/estimate.ts'
import { batchFailure } from '../batch/failure.ts'
import type { BatchRun } from '../batch/plan.ts'
import type { Address } from '../batch/remote/connect.ts'
import { type BatchResult, runBatch } from '../batch/run-batch.ts'
import { staleRuns } from '../batch/stale-runs.ts'
import { type FolderSummary, writeSummaries } from '../batch/summary.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { BatchProgress } from '../report/terminal/batch-progress.ts'
import {
  failedText,
  otherVersionsText,
  planText,
  staleText,
  summaryText,
  tallyText,
} from '../report/terminal/batch-tables.ts'
import { pointLatest } from '../runs/latest.ts'
import { REPORT } from '../runs/run-files.ts'
import { kindOf } from '../system/files.ts'
import { oneLine } from '../visible.ts'
import type { FetchAccess } from './data-options.ts'
import { colorsOf, drawnOn, type Io } from './io.ts'
import { openQueue } from './queue-options.ts'

export interface ManyOptions extends Partial<Address> {
  /** Runs at the same time. */
  readonly jobs: number
  readonly quiet: boolean
  readonly force?: boolean
  /** Whether each experiment gets its report.html; default: it does. */
  readonly report?: boolean | undefined
  /** How data may be fetched. */
  readonly access: FetchAccess
}

/** Does the runs of a batch, tells how they go, and writes and prints what they came to. */
export async function runMany(runs: readonly BatchRun[], options: ManyOptions, io: Io): Promise<void> {
  const { signal } = io
  const { jobs, quiet, on, access, force = false } = options
  const began = performance.now()
  const listener = new BatchProgress(runs, {
    write: quiet ? () => {} : (line) => io.err(`${line}\n`),
    colors: colorsOf(io, 'err'),
    jobs: Math.min(jobs, runs.length),
    terminal: quiet || on !== undefined ? undefined : drawnOn(io),
    shown: io.asCalled,
    force,
  })
  await listener.look()
  const results = await (on === undefined
    ? runBatch(runs, { jobs, force, signal, listener, access })
    : runOnQueue(runs, { ...options, on }, listener, io)
  ).finally(() => listener.stop())
  const last = results.findLast(({ outcome }) => outcome !== 'skipped')
  if (last) await pointLatest(last.run.experiment.out, last.run.path)
  const done = results.filter(({ outcome }) => outcome === 'finished' || outcome === 'skipped').map(({ run }) => run)
  for await (const summary of writeSummaries(done)) {
    const anew = results.filter(({ run, outcome }) => outcome === 'finished' && summary.runs.includes(run.path))
    if (options.report === false && anew.length > 0) await dropReport(summary, io)
    const page = options.report === false ? undefined : await reportOn(summary, io)
    io.say(summaryText(summary, io.width, page))
  }
  io.say(tallyText(results, runs.length, (performance.now() - began) / 1000))
  // The error that it ends with tells of one, unless it was interrupted.
  if (signal.aborted || results.filter(({ outcome }) => outcome === 'failed').length > 1) io.say(failedText(results))
  io.say(otherVersionsText(results))
  io.say(staleText(await staleRuns(runs)))
  if (signal.aborted) {
    const message = `${messageOf(signal.reason)}: ${done.length} of ${runs.length} runs are done`
    throw new FedunifyError('E_INTERRUPTED', message, 'the same command goes on where this one stopped')
  }
  throwFailure(results)
}

/** Loaded when runs are done: what draws the page is not waited for at the start. */
async function reportOn({ folder, runs }: FolderSummary, { err }: Io): Promise<string | undefined> {
  const [{ writeReport }, { readRecords }] = await Promise.all([
    import('../report/write-report.ts'),
    import('../report/run-record.ts'),
  ])
  return await writeReport(
    () => readRecords(runs),
    folder,
    (line) => err(`${line}\n`),
  )
}

/** A page of before would tell of other runs than those that are there. */
async function dropReport({ folder }: FolderSummary, { err }: Io): Promise<void> {
  const page = join(folder, REPORT)
  if ((await kindOf(page)) !== 'file') return
  await rm(page)
  err(`note: ${oneLine(page)} was about earlier runs, and is removed\n`)
}

async function runOnQueue(
  runs: readonly BatchRun[],
  address: Address & Pick<ManyOptions, 'quiet'>,
  listener: BatchProgress,
  { err, signal }: Io,
): Promise<BatchResult[]> {
  const note = (line: string) => err(address.quiet ? '' : `${oneLine(line)}\n`)
  const queue = await openQueue(address, { name: 'fedunify batch', note, signal })
  try {
    const { runRemotely } = await import('../batch/remote/run-remote.ts')
    return await runRemotely(runs, { queue, signal, listener })
  } finally {
    await queue.close()
  }
}

/** What would be run, and about how long that would take. */
export async function showPlan(
  runs: readonly BatchRun[],
  { jobs, force = false, access }: Pick<ManyOptions, 'jobs' | 'force' | 'access'>,
  io: Io,
): Promise<void> {
  const together = Math.min(jobs, runs.length)
  const estimates = await estimateBatch(runs, { ...access, jobs: together, force, signal: io.signal })
  io.say(planText(estimates, { jobs: together, width: io.width }))
  throwFailure(estimates.filter((one) => 'outcome' in one))
}

function throwFailure(results: readonly BatchResult[]): void {
  const failure = batchFailure(results)
  if (failure !== undefined) throw failure
}
