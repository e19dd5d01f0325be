import type { Command } from 'commander'
import { loadExperiment } from '../config/load.ts'
import { ledgerOf } from '../disclosure/ledger.ts'
import { FedunifyError } from '../errors.ts'
import { LEDGER_FORMATS } from '../report/terminal/ledger-text.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { describeRun } from '../run/describe.ts'
import { fetchedFirst, prepareRun } from '../run/prepare.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import { addExperimentOptions, experimentFlags, repeated, SET_HELP } from './experiment-options.ts'
import { addFormatOptions } from './format-option.ts'
import { type Io, progressView } from './io.ts'

const HELP = `
Goes through an experiment party by party and message by message, before anything is run: what is sent, how often, how
many bytes, what it tells, who can read it, what protects it, and which attack of fedunify audit bears on it. What it
says below that holds for the shards of this very experiment. Bytes are those of one owner in the whole run.

With fedunify run all owners are in one process, and nothing travels: then this is what would, with serve and join. The
report of a run has the same page, with what was counted.

Examples:
  fedunify disclose --env H
  fedunify disclose experiments/best-v.yaml --md
`

type LedgerFormat = keyof typeof LEDGER_FORMATS

interface DiscloseOptions extends FetchFlags {
  readonly set?: string[]
  readonly format: LedgerFormat
}

export function addDiscloseCommand(program: Command, io: Io): void {
  const command = program
    .command('disclose')
    .summary('what an experiment would tell whom, message by message')
    .description('Shows what leaves each party of an experiment, before anything is run.')
    .argument('[experiment]', 'experiment file (YAML); - is standard input')
    .option('--set <key=value>', SET_HELP, repeated)
  addFormatOptions(command, Object.keys(LEDGER_FORMATS) as LedgerFormat[])
  addFetchOptions(command)
  addExperimentOptions(command)
  command
    .addHelpText('after', HELP)
    .action((file: string | undefined, options: DiscloseOptions) => disclose(file, options, io))
}

async function disclose(file: string | undefined, options: DiscloseOptions, io: Io): Promise<void> {
  const { set = [], format } = options
  const flags = experimentFlags({ ...options })
  const experiment = await loadExperiment({ file, set, flags, command: 'fedunify disclose', signal: io.signal })
  const view = progressView(io, true)
  const access = { ...accessOf(options), signal: io.signal, progress: fetchProgress(view) }
  const fetched = await fetchedFirst(experiment, access)
  if (fetched !== undefined) {
    throw new FedunifyError(
      'E_DATASET_MISSING',
      `who has which images is not known: ${fetched}`,
      'fetch them first: fedunify data fetch',
    )
  }
  const prepared = await prepareRun(experiment, { ...access, file })
  const title = `${experiment.name}: what would leave whom, with every owner on a machine of its own`
  io[format === 'terminal' ? 'say' : 'out'](LEDGER_FORMATS[format](ledgerOf(describeRun(prepared)), title, io.width))
}
