import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { estimateBatch } from '../batch/estimate.ts'
import { batchFailure } from '../batch/failure.ts'
import { type BatchRun, planBatch } from '../batch/plan.ts'
import { type BatchResult, runBatch } from '../batch/run-batch.ts'
import { writeSummaries } from '../batch/summary.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { BatchProgress } from '../report/terminal/batch-progress.ts'
import { planText, summaryText, tallyText } from '../report/terminal/batch-tables.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'

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

Finished runs are skipped. An interrupted run continues after its last complete round.
`

interface BatchOptions {
  readonly set?: string[]
  readonly jobs: number
  readonly quiet?: true
  readonly dryRun?: true
}

export function addBatchCommand(program: Command, io: Io): void {
  program
    .command('batch')
    .summary('run the experiments of many files; finished runs are skipped')
    .description(
      'Runs every experiment of the files that match. With a matrix or with seeds, one file makes several runs.',
    )
    .argument('<globs...>', 'experiment files, quoted globs of them, or folders; - is standard input')
    .option('--set <key=value>', 'set a key in every experiment; may be repeated', repeated)
    .option('--jobs <n>', 'runs at the same time', positive, 1)
    .option('--quiet', 'no progress, only the summary')
    .option('--dry-run', 'show what would run, and about how long it would take')
    .addHelpText('after', EXAMPLES)
    .action((globs: string[], options: BatchOptions) => batch(globs, options, io))
}

async function batch(globs: readonly string[], { set = [], ...options }: BatchOptions, io: Io): Promise<void> {
  const { signal } = io
  const { jobs, quiet = false, dryRun } = options
  const runs = await planBatch(globs, set, signal)
  if (dryRun) return await showPlan(runs, io)
  const began = performance.now()
  const listener = new BatchProgress(runs, {
    write: quiet ? () => {} : (line) => io.err(`${line}\n`),
    colors: colorsOf(io, 'err'),
    jobs,
    view: () => progressView(io, quiet),
  })
  const results = await runBatch(runs, { jobs, signal, listener })
  const done = results.filter(({ outcome }) => outcome === 'finished' || outcome === 'skipped').map(({ run }) => run)
  for await (const summary of writeSummaries(done)) io.out(summaryText(summary))
  io.out(tallyText(results, runs.length, (performance.now() - began) / 1000))
  if (signal.aborted) {
    const message = `${messageOf(signal.reason)}: ${done.length} of ${runs.length} runs are done`
    throw new FedunifyError('E_INTERRUPTED', message, 'the same command goes on where this one stopped')
  }
  throwFailure(results)
}

async function showPlan(runs: readonly BatchRun[], io: Io): Promise<void> {
  const estimates = await estimateBatch(runs, io.signal)
  io.out(planText(estimates))
  throwFailure(estimates.filter((one) => 'outcome' in one))
}

function throwFailure(results: readonly BatchResult[]): void {
  const failure = batchFailure(results)
  if (failure !== undefined) throw failure
}

function positive(value: string): number {
  const n = Number(value)
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number of at least 1')
  return n
}
