import { join } from 'node:path'
import type { Command } from 'commander'
import { asksForSeveral, loadExperiment } from '../config/load.ts'
import { ExperimentSchema } from '../config/schema.ts'
import { FedunifyError } from '../errors.ts'
import { failedEvent } from '../federation/events.ts'
import { chooseSinks } from '../report/sinks/choose-sinks.ts'
import { SINKS } from '../report/sinks/registry.ts'
import { fetchProgress } from '../report/terminal/progress.ts'
import { overviewText, planText, summaryText, unfetchedPlanText } from '../report/terminal/run-text.ts'
import { assertRoom, keptBytes } from '../run/disk-need.ts'
import { executeToEnd } from '../run/execute.ts'
import { inThisProcess } from '../run/participants.ts'
import { fetchedFirst, notesOf, prepareRun } from '../run/prepare.ts'
import { replayOf } from '../run/replay.ts'
import { resumableRounds } from '../run/resume.ts'
import type { Sink } from '../run/sinks.ts'
import { pointLatest, runPath } from '../runs/latest.ts'
import { plainEvent } from '../runs/plain-event.ts'
import { type LoadedRun, loadRun } from '../runs/read/load-run.ts'
import { oneLine } from '../visible.ts'
import { accessOf, addFetchOptions, type FetchFlags } from './data-options.ts'
import {
  addExperimentOptions,
  addSeedsOption,
  experimentFlags,
  namesHelp,
  namesOf,
  repeated,
  SET_HELP,
} from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'
import { experimentToGoOn, experimentToReplay, interruption, showFinished } from './resumed.ts'
import { tellReport } from './tell-report.ts'
import { timestamp } from './timestamp.ts'

const EXAMPLES = `
Examples:
  fedunify run --env H --merge avg                      the paper's label-split experiment
  fedunify run --merge avg,max,absmax --init independent
                                                        avg goes back to the owners, max and absmax do not
  fedunify run experiments/best-v.yaml --set lr=0.05    a file with one value changed
  fedunify run experiments/table4.yaml --seed 1         one run of a file that defines several
  fedunify run --env dirichlet --alpha 0.3 --owners 8   eight uneven owners
  fedunify run --dry-run --env H                        what would run, and on which data
  fedunify run --seeds 3 --set lr=0.1,0.03              six runs: three seeds of each learning rate, then their mean
  fedunify run --rounds 50 --lr-schedule cosine --stop-after 5
                                                        the first five rounds of fifty; --resume does the others
  fedunify run experiment.yaml --replay results/experiment/20261126-184502
                                                        the arrivals of a run without waiting once more, to its bits
  fedunify run --env H --sink ndjson:file=events.ndjson
                                                        its events as they happen, in a file too
`

export function addRunCommand(program: Command, io: Io): void {
  const command = program
    .command('run')
    .summary('run one experiment: train, merge and evaluate, round by round')
    .description(
      'Runs one experiment: every owner trains the same model on its own shard, the merge rule makes one ' +
        'unified model of all of theirs, which is evaluated and goes back to every owner. ' +
        'Values come from defaults < file < --set < flags. Of a file with a matrix or seeds, these choose one run; ' +
        'with several values of a key, or --seeds, there is a run for each.',
    )
    .argument('[experiment]', 'experiment file (YAML); - is standard input')
    .option('--set <key=value>', SET_HELP, repeated)
    .option('--run-id <id>', 'folder under <out>/<name> (default: the time)')
    .option('--resume <dir>', 'continue an unfinished run after its last complete round')
    .option(
      '--replay <run>',
      'repeat the arrivals of a run without waiting, such as one of fedunify serve, to its bits',
    )
    .option('--json', 'write the events to stdout, one JSON object on each line')
    .option(`--sink <${Object.keys(SINKS).join('|')}>`, 'who else is told of every event; may be repeated', repeated)
    .option('--no-report', 'do not write report.html into the run folder')
    .option('--quiet', 'no progress, only the result')
    .option('--dry-run', 'check everything, show what would run; write and fetch nothing')
  addFetchOptions(command)
  addSeedsOption(command)
  addExperimentOptions(command)
  command.addHelpText('after', () => `${namesHelp()}\n${namesOf('sink', SINKS)}${EXAMPLES}`)
  command.action((file: string | undefined, options: RunOptions) => run(file, options, io))
}

interface RunOptions extends FetchFlags {
  readonly set?: string[]
  readonly sink?: string[]
  readonly runId?: string
  readonly resume?: string
  readonly replay?: string
  /** Whether it writes its page; default: true. */
  readonly report?: boolean
  readonly json?: true
  readonly quiet?: true
  readonly dryRun?: true
}

async function run(file: string | undefined, options: RunOptions, io: Io): Promise<void> {
  const { set = [], json = false, quiet = false } = options
  const resume = options.resume && (await runPath(options.resume))
  const replay = options.replay && (await runPath(options.replay))
  assertRunId(options)
  const flags = experimentFlags({ ...options })
  if (asksForSeveral({ set, flags })) {
    // What does several runs is not waited for by one.
    const { runSweep } = await import('./run-sweep.ts')
    return await runSweep(file, { ...options, set, flags }, io)
  }
  const { listeners, told } = listen(options, io)
  const asked = file !== undefined || set.length > 0 || Object.keys(flags).length > 0
  const request = { file, run: resume, set, flags, signal: io.signal }
  // Whoever reads events instead of stderr is told of what goes wrong before the first of them, too.
  const tell = (error: unknown): never => {
    if (json) io.out(`${JSON.stringify(plainEvent(failedEvent(error)))}\n`)
    throw error
  }
  const load = async () => {
    if (resume !== undefined) return await experimentToGoOn(resume, request, asked)
    return file === undefined && replay !== undefined ? experimentToReplay(replay, request) : loadExperiment(request)
  }
  const experiment = await load().catch(tell)
  if (!experiment) return await showFinished(resume!, options, io)
  const view = progressView(io, quiet)
  try {
    const access = { ...accessOf(options), signal: io.signal, progress: fetchProgress(view) }
    const fetched = options.dryRun && (await fetchedFirst(experiment, access))
    if (fetched !== undefined) return io.say(unfetchedPlanText(experiment, fetched))
    const prepared = await prepareRun(experiment, { ...access, file }).catch(tell)
    const here = inThisProcess(prepared)
    const runnable = replay === undefined ? here : await replayOf(replay, here).catch(tell)
    const tellNotes = () => {
      for (const text of notesOf(prepared)) view.note(`note: ${oneLine(text)}`)
    }
    let path = resume ?? join(experiment.out, experiment.name, options.runId ?? timestamp(new Date()))
    if (options.dryRun) {
      const done = resume === undefined ? 0 : await resumableRounds(resume, runnable)
      await assertRoom(path, keptBytes(experiment, prepared.model, done))
      tellNotes()
      return io.say(planText(prepared, done, io.width))
    }
    let begun = false
    const execution = executeToEnd(runnable, {
      path,
      resume: resume !== undefined,
      another: options.runId === undefined,
      signal: io.signal,
      note: (line) => view.note(line),
      async ready(done, at = path) {
        begun = true
        path = at
        await pointLatest(experiment.out, path)
        tellNotes()
        view.note(`${overviewText(prepared, io.terminal?.columns)}\n`)
        if (done > 0) view.note(`resuming ${oneLine(path)} after round ${done}\n`)
      },
      sinks: [...listeners, { name: 'progress', event: (event) => view.event(event) }],
    })
    await execution.catch((error: unknown) => {
      throw begun && io.signal.aborted ? interruption(error, path, replay) : error
    })
    // Verified once, for whoever looks at it.
    let loading: Promise<LoadedRun> | undefined
    const load = () => {
      loading ??= loadRun(path)
      return loading
    }
    if (options.report !== false) await tellReport(path, load, (line) => view.note(line))
    view.stop()
    if (!told()) io.say(`\n${await summaryText(await load(), colorsOf(io), io.width)}`)
  } finally {
    view.stop()
  }
}

function assertRunId({ runId, resume }: RunOptions): void {
  if (runId === undefined) return
  if (resume !== undefined) {
    throw new FedunifyError(
      'E_OPTION',
      '--run-id beside --resume',
      'a run goes on in its own folder: leave out --run-id',
    )
  }
  if (!ExperimentSchema.shape.name.safeParse(runId).success) {
    throw new FedunifyError('E_OPTION', `--run-id: expected letters, digits, dot, dash or underscore, got "${runId}"`)
  }
}

/** The sinks that were chosen, and whether one of them has told of the run on stdout. */
function listen({ json, sink = [] }: RunOptions, io: Io): { listeners: Sink[]; told: () => boolean } {
  let told = false
  const output = {
    out(text: string) {
      told = true
      io.out(text)
    },
  }
  return { listeners: chooseSinks([...(json ? ['ndjson'] : []), ...sink], output), told: () => told }
}
