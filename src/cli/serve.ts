import { join } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { loadExperiment } from '../config/load.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { readServerFolder } from '../federation/setup/folders.ts'
import { summaryText } from '../report/terminal/run-text.ts'
import { executeToEnd } from '../run/execute.ts'
import { roundsDone } from '../runs/read/run-state.ts'
import { oneLine } from '../visible.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'
import { timestamp } from './timestamp.ts'

const EXAMPLES = `
Examples:
  fedunify serve experiment.yaml --federation fed/server
  fedunify serve experiment.yaml --federation fed/server --set rounds=20 --set server=adam
  fedunify serve --federation fed/server --resume results/experiment/20261126-184502

The broker must run (see fedunify federation init), and every owner must have joined with fedunify join. The server waits
for both. It writes a run folder as fedunify run does; check, compare and report read it.
`

interface ServeOptions {
  readonly federation: string
  readonly set?: string[]
  readonly runId?: string
  readonly resume?: string
  readonly maxNorm?: number
  readonly deadline?: number
  readonly quiet?: true
}

export function addServeCommand(program: Command, io: Io): void {
  program
    .command('serve')
    .summary('run an experiment over owners on their own machines')
    .description('Runs an experiment over the owners that have joined a federation: the same rounds as in a local run.')
    .argument('[experiment]', 'experiment file (YAML); - is standard input')
    .requiredOption('--federation <dir>', "the server's folder, as fedunify federation init wrote it")
    .option('--set <key=value>', 'set any key of the experiment; may be repeated', repeated)
    .option('--run-id <id>', 'folder under <out>/<name> (default: the time)')
    .option('--resume <dir>', 'continue an unfinished run after its last complete round')
    .option('--max-norm <x>', 'refuse updates whose weights moved by more than this in a round', positive)
    .option('--deadline <seconds>', 'how long an owner may take to answer a task (default: any time)', positive)
    .option('--quiet', 'no progress, only the result')
    .addHelpText('after', EXAMPLES)
    .action((file: string | undefined, options: ServeOptions) => serve(file, options, io))
}

async function serve(file: string | undefined, options: ServeOptions, io: Io): Promise<void> {
  const { federation, set = [], resume, runId, maxNorm, deadline, quiet = false } = options
  const folder = await readServerFolder(federation)
  const view = progressView(io, quiet)
  const note = (line: string) => view.note(oneLine(line))
  folder.warnings.map((warning) => note(`note: ${warning}`))
  const owners = folder.owners.length
  const request = { file, run: resume, set: [...set, `owners=${owners}`], signal: io.signal }
  const experiment = await loadExperiment(request)
  if (experiment.baseline === 'pooled') {
    throw new FedunifyError('E_CONFLICT', 'a pooled baseline needs all data in one place', 'use baseline none')
  }
  const path = resume ?? join(experiment.out, experiment.name, runId ?? timestamp(new Date()))
  const committed = resume === undefined ? 0 : await roundsDone(resume)
  // For this alone: with it come the packages of NATS, which no help needs.
  const { openServer } = await import('../serve/open-server.ts')
  let reason = 'the server has stopped'
  try {
    const served = await openServer({ folder, experiment, path, committed, maxNorm, deadline, signal: io.signal, note })
    try {
      await executeToEnd(served.run, {
        path,
        resume: resume !== undefined,
        signal: io.signal,
        note,
        ready: (done) => note(done > 0 ? `resuming ${path} after round ${done}` : `run folder ${path}`),
        sinks: [{ name: 'progress', event: (event) => view.event(event) }],
      })
      reason = 'all rounds are done'
    } catch (error) {
      reason = messageOf(error)
      throw error
    } finally {
      await served.close(reason)
    }
  } finally {
    view.stop()
  }
  io.out(`\n${await summaryText(path, colorsOf(io))}`)
}

function positive(value: string): number {
  const number = Number(value)
  if (!(number > 0)) throw new InvalidArgumentError('expected a number above 0')
  return number
}
