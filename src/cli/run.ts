import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { stringify as toYaml } from 'yaml'
import { makeAlgorithm } from '../algorithm/make-algorithm.ts'
import { loadExperiment } from '../config/load.ts'
import { ExperimentSchema } from '../config/schema.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { failedEvent } from '../federation/events.ts'
import { percent, thousands } from '../format.ts'
import { parameterCount } from '../model/model.ts'
import { choiceText } from '../parts.ts'
import { paperTable } from '../report/terminal/paper-table.ts'
import { shardTable } from '../report/terminal/shard-table.ts'
import { executeToEnd } from '../run/execute.ts'
import { planRun } from '../run/plan-run.ts'
import { imagesToTrain, type PreparedRun, prepareRun } from '../run/prepare.ts'
import type { Sink } from '../run/sinks.ts'
import { assertSameConfig, assertSameRun, readManifest } from '../runs/manifest.ts'
import { plainEvent } from '../runs/plain-event.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { EVENTS } from '../runs/tables.ts'
import { savedState } from '../runs/write/saved-state.ts'
import { isPlainFile } from '../system/files.ts'
import { oneLine } from '../visible.ts'
import { addExperimentOptions, experimentFlags, NAMES_HELP, repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'

const EXAMPLES = `
Examples:
  fedunify run --env H --merge avg                      the paper's label-split experiment
  fedunify run --merge avg,max,absmax --init independent
                                                        avg goes back to the owners, max and absmax do not
  fedunify run experiments/best-v.yaml --set lr=0.05    a file with one value changed
  fedunify run --env dirichlet --alpha 0.3 --owners 8   eight uneven owners
  fedunify run --dry-run --env H                        what would run, and on which data
`

export function addRunCommand(program: Command, io: Io): void {
  const command = program
    .command('run')
    .summary('run one experiment: train, merge and evaluate, round by round')
    .description(
      'Runs one experiment: every owner trains the same model on its own shard, the merge rule makes one ' +
        'unified model of all of theirs, which is evaluated and goes back to every owner. ' +
        'Values come from defaults < file < --set < flags.',
    )
    .argument('[experiment]', 'experiment file (YAML); - is standard input')
    .option('--set <key=value>', 'set any key of the experiment; may be repeated', repeated)
    .option('--run-id <id>', 'folder under <out>/<name> (default: the time)')
    .option('--resume <dir>', 'continue an unfinished run after its last complete round')
    .option('--json', 'write the events to stdout, one JSON object on each line')
    .option('--quiet', 'no progress, only the result')
    .option('--dry-run', 'check everything, show what would run, write nothing')
  addExperimentOptions(command)
  command.addHelpText('after', `${NAMES_HELP}${EXAMPLES}`)
  command.action((file: string | undefined, options: RunOptions) => run(file, options, io))
}

interface RunOptions {
  readonly set?: string[]
  readonly runId?: string
  readonly resume?: string
  readonly json?: true
  readonly quiet?: true
  readonly dryRun?: true
}

async function run(file: string | undefined, options: RunOptions, io: Io): Promise<void> {
  const { set = [], runId, resume, json = false, quiet = false } = options
  if (runId !== undefined && resume !== undefined) {
    throw new FedunifyError(
      'E_OPTION',
      '--run-id beside --resume',
      'a run goes on in its own folder: leave out --run-id',
    )
  }
  if (runId !== undefined && !ExperimentSchema.shape.name.safeParse(runId).success) {
    throw new FedunifyError('E_OPTION', `--run-id: expected letters, digits, dot, dash or underscore, got "${runId}"`)
  }
  const earlier = resume === undefined ? undefined : await readManifest(resume)
  const flags = experimentFlags({ ...options })
  const asked = file !== undefined || set.length > 0 || Object.keys(flags).length > 0
  // A run folder's config is an experiment file; what is given besides must agree with it.
  const source = file ?? (resume === undefined ? undefined : join(resume, 'config.yaml'))
  const request = { file, run: resume, set, flags, signal: io.signal }
  if (resume !== undefined && earlier?.status === 'finished') {
    if (asked) assertSameConfig(resume, earlier.config, await loadExperiment(request))
    if (!quiet) io.err(`${oneLine(resume)} has finished already\n`)
    if (!json) return io.out(await summary(resume, io))
    // Its files are what was written, or this says which is not.
    await loadRun(resume)
    return io.out(await readFile(join(resume, EVENTS), 'utf8'))
  }
  if (resume !== undefined && file === undefined && !(await isPlainFile(source!))) {
    const hint = 'restore it, or name the experiment file before --resume'
    throw new FedunifyError('E_FILE_MISSING', `${source}: no such file`, hint)
  }
  // Whoever reads events instead of stderr is told of what goes wrong before the first of them, too.
  const tell = (error: unknown): never => {
    if (json) io.out(`${JSON.stringify(plainEvent(failedEvent(error)))}\n`)
    throw error
  }
  const experiment = await loadExperiment(request).catch(tell)
  const view = progressView(io, quiet)
  try {
    const progress = (line: string) => view.note(oneLine(line))
    const prepared = await prepareRun(experiment, { signal: io.signal, progress }).catch(tell)
    if (options.dryRun) {
      if (resume === undefined) return io.out(plan(prepared, 0))
      const asked = planRun(prepared, makeAlgorithm(prepared.experiment))
      assertSameRun(resume, earlier!, asked.description)
      return io.out(plan(prepared, (await savedState(resume, earlier!, asked)).round))
    }
    const path = resume ?? join(experiment.out, experiment.name, runId ?? timestamp(new Date()))
    let begun = false
    const execution = executeToEnd(prepared, {
      path,
      resume: resume !== undefined,
      signal: io.signal,
      note: (line) => view.note(line),
      ready(done) {
        begun = true
        if (prepared.engine.note) view.note(`note: ${oneLine(prepared.engine.note)}`)
        view.note(`${overview(prepared)}\n\n${shardTable(prepared.dataset, prepared.shards)}\n`)
        if (done > 0) view.note(`resuming ${oneLine(path)} after round ${done}\n`)
      },
      sinks: [...(json ? [ndjson(io)] : []), { name: 'progress', event: (event) => view.event(event) }],
    })
    await execution.catch((error: unknown) => {
      throw begun && io.signal.aborted ? interruption(error, path) : error
    })
    view.stop()
    if (!json) io.out(`\n${await summary(path, io)}`)
  } finally {
    view.stop()
  }
}

/** Every event as a line of JSON. */
const ndjson = (io: Io): Sink => ({
  name: 'the events on stdout',
  event: (event) => io.out(`${JSON.stringify(plainEvent(event))}\n`),
})

function overview({ experiment, dataset, model, engine, shards }: PreparedRun): string {
  const used = shards.reduce((sum, { train, test }) => sum + train.length + test.length, 0)
  const layers = typeof experiment.model === 'string' ? experiment.model : `${model.layers.length} layers`
  return [
    `${dataset.name}: ${thousands(used)} images from ${oneLine(dataset.source)}`,
    `env ${choiceText(experiment.env)}, ${experiment.owners} owners, seed ${experiment.seed}`,
    `model ${layers}, ${thousands(parameterCount(model))} parameters, ${experiment.init} initial weights`,
    `${choiceText(experiment.optimizer)} lr ${experiment.lr}, batch ${experiment.batch}, ${engine.name} on ${engine.device}, ${experiment.workers} workers`,
  ].join('\n')
}

const interruption = (error: unknown, path: string) =>
  new FedunifyError('E_INTERRUPTED', messageOf(error), `go on with: fedunify run --resume ${path}`, { cause: error })

function plan(prepared: PreparedRun, done: number): string {
  const { experiment, dataset, shards } = prepared
  const early = experiment['until-local-accuracy'] ?? experiment['stop-at']
  const most = early === undefined ? '' : 'at most '
  const rounds = done === 0 ? `${experiment.rounds} rounds` : `rounds ${done + 1} to ${experiment.rounds}`
  const work = `would train ${most}${thousands(imagesToTrain(prepared, done))} images in ${rounds}; nothing was written`
  return `${toYaml(experiment)}\n${overview(prepared)}\n\n${shardTable(dataset, shards)}\n\n${work}\n`
}

/** What a finished run leaves to look at: the paper-shaped table and the files. */
async function summary(path: string, io: Io): Promise<string> {
  const { bold, dim } = colorsOf(io)
  const { tables, unified } = await loadRun(path)
  const last = unified.at(-1)
  const driver = last && unified.find(({ round }) => round === last.round)
  const verdict = driver
    ? `unified accuracy ${bold(`${percent(driver.accuracy)} %`)} (${driver.merge}, round ${driver.round})`
    : 'no round was finished'
  const files = (await readdir(path))
    .filter((name) => !name.startsWith('.'))
    .map(oneLine)
    .join('  ')
  return `${paperTable(tables.table)}\n${dim('accuracy in percent')}\n\n${verdict}\n${oneLine(path)}/\n  ${files}\n`
}

/** 20261123-184502, in UTC: sorts by time and is a folder name everywhere. */
const timestamp = (now: Date) => now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
