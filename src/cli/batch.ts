import { join } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { trainingSpeed } from '../batch/calibrate.ts'
import { type BatchRun, planBatch } from '../batch/plan.ts'
import { type BatchListener, type BatchResult, exitOf, runBatch } from '../batch/run-batch.ts'
import { type SummaryRow, summarise, summaryCsv } from '../batch/summary.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { duration, percent, thousands } from '../format.ts'
import { columns } from '../report/terminal/columns.ts'
import { PlainProgress } from '../report/terminal/progress.ts'
import { imagesToTrain, prepareRun } from '../run/prepare.ts'
import { roundsDone } from '../runs/read/run-state.ts'
import { putFile } from '../runs/write/growing-file.ts'
import { largest } from '../stats.ts'
import { oneLine } from '../visible.ts'
import { repeated } from './experiment-options.ts'
import { colorsOf, type Io, progressView } from './io.ts'

const EXAMPLES = `
A file may hold, besides the keys of an experiment (see fedunify run --help):
  matrix: { env: [V, H], merge: [avg, max] }    one run for every combination
  seeds: 3                                      each with three seeds, from seed on

Examples:
  fedunify batch experiments/                   every experiment file in a folder
  fedunify batch 'experiments/table*.yaml'      Tables 3 and 4 of the paper, in both readings
  fedunify batch --dry-run experiments/table4.yaml
  fedunify batch --jobs 2 --set rounds=5 'experiments/*.yaml'
  fedunify batch study.yaml --set env=H         of a matrix over env, this value alone

A run that has finished is skipped, one that was cut short goes on after its last complete round.
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
    .summary('run every experiment file that matches, skipping what is done')
    .description(
      'Runs every experiment of the files that match, each possibly with a matrix of values and several seeds.',
    )
    .argument('<globs...>', 'experiment files, quoted globs of them, or folders; - is standard input')
    .option('--set <key=value>', 'set any key in all of them; may be repeated', repeated)
    .option('--jobs <n>', 'runs at the same time', positive, 1)
    .option('--quiet', 'no progress, only the summary')
    .option('--dry-run', 'say what would be run, and about how long it would take')
    .addHelpText('after', EXAMPLES)
    .action((globs: string[], options: BatchOptions) => batch(globs, options, io))
}

async function batch(globs: readonly string[], options: BatchOptions, io: Io): Promise<void> {
  const { jobs } = options
  const runs = await planBatch(globs, options.set ?? [], io.signal)
  if (options.dryRun) return await showPlan(runs, io)
  const began = performance.now()
  const results = await runBatch(runs, { jobs, signal: io.signal, listener: listener(runs, options, io) })
  const done = results.filter(({ outcome }) => outcome === 'finished' || outcome === 'skipped').map(({ run }) => run)
  for (const [folder, own] of byFolder(done)) {
    const rows = await summarise(own)
    const file = join(folder, 'summary.csv')
    await putFile(file, summaryCsv(rows))
    io.out(`\n${oneLine(folder)}\n${summaryTable(rows)}\n${oneLine(file)}\n`)
  }
  const count = (outcome: BatchResult['outcome']) => results.filter((r) => r.outcome === outcome).length
  const time = duration((performance.now() - began) / 1000)
  io.out(
    `\n${count('finished')} finished, ${count('skipped')} skipped, ${count('failed')} failed of ${runs.length} runs in ${time}\n`,
  )
  if (io.signal.aborted) {
    const message = `${messageOf(io.signal.reason)}: ${done.length} of ${runs.length} runs are done`
    throw new FedunifyError('interrupted', message, 'the same command goes on where this one stopped')
  }
  const worst = results.toSorted((a, b) => exitOf(b) - exitOf(a))[0]
  if (worst?.error !== undefined) throw failure(count('failed'), worst)
}

/** The batch fails as its worst run did. */
function failure(failed: number, { run, error }: BatchResult): unknown {
  if (!(error instanceof FedunifyError)) return error
  const others = failed > 1 ? ` (and ${failed - 1} more failed)` : ''
  return new FedunifyError(error.kind, `${run.path}: ${reasonOf(run, error)}${others}`, error.hint, { cause: error })
}

/** What went wrong, behind the name of the run: many a message begins with that itself. */
function reasonOf({ path }: BatchRun, error: unknown): string {
  const message = messageOf(error)
  const reason =
    message.startsWith(`${path}: `) || message.startsWith(`${path} `)
      ? message.slice(path.length).replace(/^:? /, '')
      : message
  return oneLine(reason)
}

function listener(runs: readonly BatchRun[], { jobs, quiet }: BatchOptions, io: Io): BatchListener {
  const { dim, red, bold } = colorsOf(io, 'err')
  const numbered = (run: BatchRun) => `[${runs.indexOf(run) + 1}/${runs.length}] ${oneLine(run.path)}`
  const say = (line: string) => {
    if (!quiet) io.err(`${line}\n`)
  }
  const views = new Map<BatchRun, ReturnType<typeof progressView>>()
  const notes = new Set<string>()
  return {
    started(run, resuming) {
      say(bold(`${numbered(run)}${resuming ? ' (resuming)' : ''}`))
      // Bars of several runs would draw over each other: then a plain line for each round, with the run's number.
      const several = new PlainProgress((line) => say(`[${runs.indexOf(run) + 1}] ${line}`), colorsOf(io, 'err'))
      views.set(run, jobs > 1 && !quiet ? several : progressView(io, quiet ?? false))
    },
    note(_, note) {
      if (!notes.has(note)) say(oneLine(`note: ${note}`))
      notes.add(note)
    },
    event: (run, event) => views.get(run)?.event(event),
    ended({ run, outcome, error }) {
      views.get(run)?.stop()
      if (outcome === 'skipped') say(dim(`${numbered(run)}: finished already`))
      if (outcome === 'failed') say(`${red('failed:')} ${numbered(run)}: ${reasonOf(run, error)}`)
      if (outcome === 'failed' && error instanceof FedunifyError && error.hint) say(`${dim('hint:')} ${error.hint}`)
    },
  }
}

/** What would be run, and what would fail: a batch goes on past such a run, and so does its plan. */
async function showPlan(runs: readonly BatchRun[], io: Io): Promise<void> {
  const speeds = new Map<string, number>()
  let seconds = 0
  const rows: string[][] = []
  const failed: BatchResult[] = []
  for (const run of runs) {
    io.signal.throwIfAborted()
    try {
      const { images, kind, speed } = await weigh(run, speeds, io.signal)
      speeds.set(kind, speed)
      const time = images / (speed * run.experiment.workers)
      seconds += time
      const state = run.state === 'none' ? 'new' : run.state
      const work = images ? [thousands(images), duration(time)] : ['-', '-']
      rows.push([run.path, state, String(run.experiment.rounds), ...work])
    } catch (error) {
      if (!(error instanceof FedunifyError) || error.kind === 'interrupted') throw error
      failed.push({ run, outcome: 'failed', error })
      rows.push([run.path, 'would fail', String(run.experiment.rounds), '-', '-'])
    }
  }
  io.out(`${columns(['run', 'state', 'rounds', 'images to train', 'about'], rows)}\n\n`)
  io.out(`${runs.length} runs, about ${duration(seconds)} of training on this machine; nothing was written\n`)
  const worst = failed.toSorted((a, b) => exitOf(b) - exitOf(a))[0]
  if (worst) throw failure(failed.length, worst)
}

/** Images that are left to train, and how many of them this machine trains in a second on one worker. */
async function weigh(run: BatchRun, speeds: ReadonlyMap<string, number>, signal: AbortSignal) {
  const prepared = await prepareRun(run.experiment, { signal })
  const images = run.state === 'finished' ? 0 : imagesToTrain(prepared, await roundsDone(run.path))
  const { model, optimizer, batch, engine, device, layout } = run.experiment
  const kind = JSON.stringify([model, optimizer, batch, engine, device, layout])
  return { images, kind, speed: speeds.get(kind) ?? (await trainingSpeed(prepared, signal)) }
}

/** Last round of every series, mean ± sd over the seeds, in percent. */
function summaryTable(rows: readonly SummaryRow[]): string {
  const groups = [...new Set(rows.map(({ group }) => group))]
  const series = [...new Set(rows.map((row) => row.series))].filter((name) => !/^local_(?:[7-9]|\d\d)/.test(name))
  const cell = (group: string, name: string): string => {
    const last = rows.findLast((row) => row.group === group && row.series === name)
    if (!last) return ''
    return Number.isNaN(last.sd) ? percent(last.mean) : `${percent(last.mean)} ± ${percent(last.sd)}`
  }
  const lines = groups.map((group) => {
    const own = rows.filter((row) => row.group === group)
    const seeds = largest(own.map((row) => row.seeds))
    const round = largest(own.map((row) => row.round))
    return [group || '-', String(seeds), String(round), ...series.map((name) => cell(group, name))]
  })
  return columns(['run', 'seeds', 'round', ...series.map((name) => name.replace('_', ' '))], lines)
}

function byFolder(runs: readonly BatchRun[]): Map<string, BatchRun[]> {
  const folders = new Map<string, BatchRun[]>()
  for (const run of runs) {
    const folder = join(run.experiment.out, run.experiment.name)
    folders.set(folder, [...(folders.get(folder) ?? []), run])
  }
  return folders
}

function positive(value: string): number {
  const n = Number(value)
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number of at least 1')
  return n
}
