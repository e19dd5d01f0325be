import type { Command } from 'commander'
import { estimateBatch } from '../batch/estimate.ts'
import { batchFailure } from '../batch/failure.ts'
import { type BatchRun, planBatch } from '../batch/plan.ts'
import type { Address } from '../batch/remote/connect.ts'
import { type BatchResult, runBatch } from '../batch/run-batch.ts'
import { type FolderSummary, writeSummaries } from '../batch/summary.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { BatchProgress } from '../report/terminal/batch-progress.ts'
import { planText, summaryText, tallyText } from '../report/terminal/batch-tables.ts'
import { pointLatest } from '../runs/latest.ts'
import { oneLine } from '../visible.ts'
import { accessOf, addFetchOptions, type FetchAccess, type FetchFlags } from './data-options.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'
import { positive } from './positive.ts'
import { addQueueOptions, openQueue } from './queue-options.ts'

const EXAMPLES = `
Besides the keys of an experiment (see fedunify run --help) a file may have:
  matrix: { env: [V, H], merge: [avg, max] }    one run for every combination
  seeds: 3                                      three seeds for each of them, counted from seed

Examples:
  fedunify batch experiments/                   every experiment file in a folder
  fedunify batch 'experiments/table*.yaml'      Tables 3 and 4 of the paper, in both readings
  fedunify batch --dry-run experiments/table4.yaml
  fedunify batch --jobs 2 --set rounds=5 'experiments/*.yaml'
  fedunify batch study.yaml --set env=H         only this env of the matrix
  fedunify batch --on nats://host:4222 'experiments/*.yaml'
                                                by the machines that run fedunify worker --on nats://host:4222

Finished runs are skipped. An interrupted run continues after its last complete round. With --on, what is on the queue
stays there if this command is stopped: workers go on, and the same command fetches what they have done.
`

interface BatchOptions extends Partial<Address>, FetchFlags {
  readonly set?: string[]
  /** Default: 1. */
  readonly jobs?: number
  /** Whether it writes a page for each folder; default: true. */
  readonly report?: boolean
  readonly quiet?: true
  readonly dryRun?: true
}

export function addBatchCommand(program: Command, io: Io): void {
  const command = program
    .command('batch')
    .summary('run the experiments of many files; finished runs are skipped')
    .description(
      'Runs every experiment of the files that match. With a matrix or with seeds, one file makes several runs.',
    )
    .argument('<globs...>', 'experiment files, quoted globs of them, or folders; - is standard input')
    .option('--set <key=value>', 'set a key in every experiment; may be repeated', repeated)
    .option('--jobs <n>', 'runs at the same time (default: 1)', positive)
  addQueueOptions(command, 'have workers do the runs, over a broker: nats://[user:password@]host:port or tls://…', {
    needed: false,
  })
    .option('--no-report', 'do not write report.html into the folder of each experiment')
    .option('--quiet', 'no progress, only the summary')
    .option('--dry-run', 'show what would run, and about how long it would take; write and fetch nothing')
  addFetchOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((globs: string[], options: BatchOptions) => batch(globs, options, io))
}

async function batch(globs: readonly string[], { set = [], ...options }: BatchOptions, io: Io): Promise<void> {
  const { signal } = io
  const { jobs = 1, quiet = false, dryRun } = options
  if (options.on !== undefined && options.jobs !== undefined) {
    throw new FedunifyError('E_CONFLICT', '--jobs beside --on', 'give it to each worker: fedunify worker --jobs')
  }
  const idle = (['ca', 'creds', 'nkey'] as const).find((name) => options[name] !== undefined)
  if (options.on === undefined && idle) {
    throw new FedunifyError('E_CONFLICT', `--${idle} is for a broker`, 'name the broker with --on, or leave it out')
  }
  const runs = await planBatch(globs, set, signal)
  const access = accessOf(options)
  if (dryRun) return await showPlan(runs, access, io)
  const began = performance.now()
  const listener = new BatchProgress(runs, {
    write: quiet ? () => {} : (line) => io.err(`${line}\n`),
    colors: colorsOf(io, 'err'),
    jobs,
    view: () => progressView(io, quiet),
  })
  const { on } = options
  const results =
    on !== undefined
      ? await runOnQueue(runs, { ...options, on }, listener, io)
      : await runBatch(runs, { jobs, signal, listener, access })
  const last = results.findLast(({ outcome }) => outcome !== 'skipped')
  if (last) await pointLatest(last.run.experiment.out, last.run.path)
  const done = results.filter(({ outcome }) => outcome === 'finished' || outcome === 'skipped').map(({ run }) => run)
  for await (const summary of writeSummaries(done)) {
    const page = options.report === false ? undefined : await reportOn(summary, io)
    io.out(summaryText(summary, io.width, page))
  }
  io.out(tallyText(results, runs.length, (performance.now() - began) / 1000))
  if (signal.aborted) {
    const message = `${messageOf(signal.reason)}: ${done.length} of ${runs.length} runs are done`
    throw new FedunifyError('E_INTERRUPTED', message, 'the same command goes on where this one stopped')
  }
  throwFailure(results)
}

/** Loaded when runs are done: what draws the page is not waited for at the start. */
async function reportOn({ folder, runs }: FolderSummary, { err }: Io): Promise<string | undefined> {
  const { writeReport } = await import('../report/write-report.ts')
  return await writeReport(runs, folder, (line) => err(`${line}\n`))
}

async function runOnQueue(
  runs: readonly BatchRun[],
  address: Address & Pick<BatchOptions, 'quiet'>,
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

async function showPlan(runs: readonly BatchRun[], access: FetchAccess, io: Io): Promise<void> {
  const estimates = await estimateBatch(runs, { ...access, signal: io.signal })
  io.out(planText(estimates, io.width))
  throwFailure(estimates.filter((one) => 'outcome' in one))
}

function throwFailure(results: readonly BatchResult[]): void {
  const failure = batchFailure(results)
  if (failure !== undefined) throw failure
}
