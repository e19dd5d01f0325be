import type { Command } from 'commander'
import { planBatch } from '../batch/plan.ts'
import type { Address } from '../batch/remote/connect.ts'
import { FedunifyError } from '../errors.ts'
import { oneLine } from '../visible.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { addExperimentOptions, addSeedsOption, experimentFlags, repeated, SET_HELP } from './experiment-options.ts'
import type { Io } from './io.ts'
import { positive } from './positive.ts'
import { addQueueOptions } from './queue-options.ts'
import { runMany, showPlan } from './run-many.ts'

const EXAMPLES = `
Besides the keys of an experiment (see fedunify run --help) a file may have:
  matrix: { env: [V, H], merge: [avg, max] }    one run for every combination
  seeds: 3                                      three seeds for each of them, counted from seed

Examples:
  fedunify batch experiments/table4-quick.yaml  the first rounds of Table 4, in some minutes
  fedunify batch --dry-run experiments/         every experiment file in a folder, and how long they would take
  fedunify batch 'experiments/table*.yaml'      Tables 3 and 4 of the paper, in both readings
  fedunify batch --jobs 2 --rounds 5 'experiments/*.yaml'
  fedunify batch study.yaml --seeds 5 --lr 0.1,0.03
                                                five seeds of each learning rate, beside what the file goes over
  fedunify batch study.yaml --set env=H         only this env of the matrix
  fedunify batch --on nats://host:4222 'experiments/*.yaml'
                                                by the machines that run fedunify worker --on nats://host:4222

Finished runs are skipped; --force does them again, and keeps the old ones until the new are whole. An interrupted run
continues after its last complete round. If nothing says how many workers a run has, --jobs shares the cores. With --on,
what is on the queue stays there if this command is stopped: workers go on, and the same command fetches what they have
done.
`

interface BatchOptions extends Partial<Address>, FetchFlags {
  readonly set?: string[]
  /** Default: 1. */
  readonly jobs?: number
  /** Whether it writes a page for each folder; default: true. */
  readonly report?: boolean
  readonly quiet?: true
  readonly dryRun?: true
  readonly force?: true
}

export function addBatchCommand(program: Command, io: Io): void {
  const command = program
    .command('batch')
    .summary('run the experiments of many files; finished runs are skipped')
    .description(
      'Runs every experiment of the files that match. With a matrix or with seeds, one file makes several runs. ' +
        'Values come from defaults < file < --set < flags.',
    )
    .argument('<globs...>', 'experiment files, quoted globs of them, or folders; - is standard input')
    .option('--set <key=value>', SET_HELP, repeated)
    .option('--jobs <n>', 'runs at the same time (default: 1)', positive)
  addSeedsOption(command)
  addQueueOptions(command, 'have workers do the runs, over a broker: nats://[user:password@]host:port or tls://…', {
    needed: false,
  })
    .option('--force', 'do runs again that are finished')
    .option('--no-report', 'do not write report.html into the folder of each experiment')
    .option('--quiet', 'no progress, only the summary')
    .option('--dry-run', 'show what would run, and about how long it would take; write and fetch nothing')
  addFetchOptions(command)
  addExperimentOptions(command)
  command.addHelpText('after', EXAMPLES).action((globs: string[], options: BatchOptions) => batch(globs, options, io))
}

async function batch(globs: readonly string[], { set = [], ...options }: BatchOptions, io: Io): Promise<void> {
  const { jobs = 1, quiet = false, dryRun, force = false } = options
  assertQueue(options)
  const flags = experimentFlags({ ...options })
  const note = (line: string) => quiet || io.err(`note: ${oneLine(line)}\n`)
  const runs = await planBatch(globs, set, { signal: io.signal, flags, note })
  const access = accessOf(options)
  if (dryRun) return await showPlan(runs, { jobs, force, access }, io)
  await runMany(runs, { ...options, jobs, quiet, force, access }, io)
}

function assertQueue(options: BatchOptions): void {
  if (options.on !== undefined && options.jobs !== undefined) {
    throw new FedunifyError('E_CONFLICT', '--jobs beside --on', 'give it to each worker: fedunify worker --jobs')
  }
  if (options.on !== undefined && options.force) {
    throw new FedunifyError('E_CONFLICT', '--force beside --on', 'remove the run folders that are to be done again')
  }
  const idle = (['ca', 'creds', 'nkey'] as const).find((name) => options[name] !== undefined)
  if (options.on === undefined && idle) {
    throw new FedunifyError('E_CONFLICT', `--${idle} is for a broker`, 'name the broker with --on, or leave it out')
  }
}
