import { join } from 'node:path'
import type { Command } from 'commander'
import type { Objective } from '../algorithm/objective/objective.ts'
import { OBJECTIVES } from '../algorithm/objective/registry.ts'
import { loadExperiment } from '../config/load.ts'
import type { Experiment } from '../config/schema.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { readServerFolder } from '../federation/setup/folders.ts'
import { make, nameOf } from '../parts.ts'
import { summaryText } from '../report/terminal/run-text.ts'
import { executeToEnd } from '../run/execute.ts'
import { pointLatest, runPath } from '../runs/latest.ts'
import { readManifest } from '../runs/manifest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { roundsDone } from '../runs/read/run-state.ts'
import { shellWord } from '../system/shell-word.ts'
import { oneLine } from '../visible.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'
import { aboveZero, positive } from './positive.ts'
import { experimentToGoOn, showFinished } from './resumed.ts'
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
  readonly minOwners?: number
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
    .option('--max-norm <x>', 'refuse updates whose weights moved by more than this in a round', aboveZero)
    .option('--min-owners <n>', 'merge a round without owners that miss the deadline, if so many are left', positive)
    .option('--deadline <seconds>', 'how long an owner may take to answer a task (default: any time)', aboveZero)
    .option('--quiet', 'no progress, only the result')
    .addHelpText('after', EXAMPLES)
    .action((file: string | undefined, options: ServeOptions) => serve(file, options, io))
}

async function serve(file: string | undefined, options: ServeOptions, io: Io): Promise<void> {
  const { federation, set = [], runId, maxNorm, deadline, minOwners, quiet = false } = options
  const resume = options.resume && (await runPath(options.resume))
  const folder = await readServerFolder(federation)
  const view = progressView(io, quiet)
  const note = (line: string) => view.note(oneLine(line))
  for (const warning of folder.warnings) note(`note: ${warning}`)
  const owners = folder.owners.length
  const command = `fedunify serve --federation ${shellWord(federation)}`
  const request = { file, run: resume, set: [...set, `owners=${owners}`], command, signal: io.signal }
  const asked = file !== undefined || set.length > 0
  const experiment = await (resume === undefined ? loadExperiment(request) : experimentToGoOn(resume, request, asked))
  if (!experiment) return await showFinished(resume!, { quiet }, io)
  assertAbsence(options, owners, experiment)
  if (experiment.baseline === 'pooled') {
    throw new FedunifyError('E_CONFLICT', 'a pooled baseline needs all data in one place', 'use baseline none')
  }
  const path = resume ?? join(experiment.out, experiment.name, runId ?? timestamp(new Date()))
  const committed = resume === undefined ? 0 : await roundsDone(resume)
  if (resume !== undefined) await assertSameRounds(resume, experiment)
  // For this alone: with it come the packages of NATS, which no help needs.
  const { openServer } = await import('../serve/open-server.ts')
  let reason = 'the server has stopped'
  try {
    const served = await openServer({
      folder,
      experiment,
      path,
      committed,
      maxNorm,
      deadline,
      minOwners,
      signal: io.signal,
      note,
    })
    try {
      await executeToEnd(served.run, {
        path,
        resume: resume !== undefined,
        signal: io.signal,
        note,
        async ready(done) {
          note(done > 0 ? `resuming ${path} after round ${done}` : `run folder ${path}`)
          await pointLatest(experiment.out, path)
        },
        sinks: [{ name: 'progress', event: (event) => view.event(event) }],
      })
      reason = 'all rounds are done'
    } catch (error) {
      reason = messageOf(error)
      throw error
    } finally {
      await served.close(reason, await roundsDone(path))
    }
  } finally {
    view.stop()
  }
  io.say(`\n${await summaryText(await loadRun(path), colorsOf(io), io.width)}`)
}

/** The owners know the run by its experiment, its number of rounds included. */
async function assertSameRounds(dir: string, { rounds }: Experiment): Promise<void> {
  const { config } = await readManifest(dir)
  if (config.rounds === rounds) return
  const message = `cannot resume ${dir}: rounds (run: ${config.rounds}, now: ${rounds}) differs`
  throw new FedunifyError('E_RUN_DIFFERS', message, 'resume with what it was started with, or start a new run')
}

/** @throws FedunifyError (usage) if owners may be absent, but nothing says when, or what they keep would be lost */
function assertAbsence({ minOwners, deadline }: ServeOptions, owners: number, experiment: Experiment): void {
  if (minOwners === undefined) return
  const refuse = (message: string, hint: string) => new FedunifyError('E_CONFLICT', message, hint)
  if (deadline === undefined) throw refuse('--min-owners needs a --deadline', 'for example --deadline 600')
  if (experiment.participants) {
    const what = '--min-owners is for rounds that ask all owners, but participants draws some for each'
    throw refuse(what, 'leave out one of the two')
  }
  if (minOwners > owners) throw refuse(`--min-owners is ${minOwners}, but there are ${owners} owners`, 'use fewer')
  const { end }: Objective = make(OBJECTIVES, experiment.objective)
  if (!end) return
  const what = `objective ${nameOf(experiment.objective)} keeps a state at every owner, so none may be absent`
  throw refuse(what, 'leave out --min-owners')
}
