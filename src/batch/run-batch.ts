import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { configHash } from '../config/hash.ts'
import { fileName } from '../config/read.ts'
import type { Experiment } from '../config/schema.ts'
import type { Progress } from '../data/fashion-mnist/fetch.ts'
import { FedunifyError } from '../errors.ts'
import type { RunEvent } from '../federation/events.ts'
import { VERSION } from '../package.ts'
import { executeToEnd } from '../run/execute.ts'
import { inThisProcess } from '../run/participants.ts'
import { type DataOptions, notesOf, prepareRun } from '../run/prepare.ts'
import type { Sink } from '../run/sinks.ts'
import { readManifest } from '../runs/manifest.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { roundsDone, runState } from '../runs/read/run-state.ts'
import type { Manifest } from '../runs/run-description.ts'
import { goesOn } from '../runs/same-run.ts'
import { beside, kindOf } from '../system/files.ts'
import { shellWord } from '../system/shell-word.ts'
import { exchange } from './exchange.ts'
import type { BatchRun } from './plan.ts'
import { keepStudies } from './study.ts'

/** How a run of a batch ended. */
export interface BatchResult {
  readonly run: BatchRun
  readonly outcome: 'skipped' | 'finished' | 'failed' | 'interrupted'
  readonly error?: unknown
  /** The version of fedunify that made a run which was skipped. */
  readonly madeBy?: string
}

export interface BatchListener {
  started(run: BatchRun, resuming: boolean): void
  /** Something that the user should know about a run. */
  note(run: BatchRun, note: string): void
  /** How its data is fetched, as `Progress` tells it. */
  fetching(run: BatchRun, line: string, share?: number): void
  event(run: BatchRun, event: RunEvent): void
  ended(result: BatchResult): void
}

interface Batch {
  /** Runs at the same time. */
  readonly jobs: number
  /** Whether finished runs are done again. */
  readonly force?: boolean
  readonly signal: AbortSignal
  readonly listener: BatchListener
  /** How data may be fetched. */
  readonly access?: Pick<DataOptions, 'offline' | 'mirror'>
}

/** Owners that may train at the same time in each of so many runs, so that together they use the cores once. */
export const workersOf = ({ experiment, workersGiven }: BatchRun, jobs: number): number =>
  workersGiven
    ? experiment.workers
    : Math.min(experiment.workers, Math.max(1, Math.floor(availableParallelism() / jobs)))

/**
 * Does what is not done yet of a batch, `jobs` runs at a time, and goes on past a run that fails.
 * Once `signal` is aborted, the runs under way keep their last complete round and no other begins.
 */
export async function runBatch(runs: readonly BatchRun[], batch: Batch): Promise<BatchResult[]> {
  const { signal, listener } = batch
  const jobs = Math.min(batch.jobs, runs.length)
  await keepStudies(runs)
  const results: BatchResult[] = []
  const queue = [...runs]
  const work = async () => {
    while (!signal.aborted) {
      const run = queue.shift()
      if (!run) return
      const result = await runOne(run, { ...run.experiment, workers: workersOf(run, jobs) }, batch)
      listener.ended(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  // A summary of fewer runs than are there would take the place of a whole one.
  for (const run of queue) results.push(...(await finishedBefore(run, batch)))
  // In the order of the plan, whichever ended first: what is made of them must not depend on speed.
  return results.sort((a, b) => runs.indexOf(a.run) - runs.indexOf(b.run))
}

/** A run that nobody came to, because the batch was interrupted: empty if it is not finished, another one, or not whole. */
async function finishedBefore(run: BatchRun, { listener }: Batch): Promise<BatchResult[]> {
  if ((await runState(run.path)) !== 'finished') return []
  const skipped = await skipDone(run, listener).catch(() => undefined)
  return skipped ? [skipped] : []
}

async function runOne(run: BatchRun, experiment: Experiment, batch: Batch): Promise<BatchResult> {
  const { signal, listener, force = false } = batch
  const { path } = run
  try {
    // Not as it was planned: another batch may have come here meanwhile.
    const state = await runState(path)
    if (force && state !== 'none' && (await isToRedo(run, state === 'finished'))) {
      await redo(run, experiment, batch)
      return { run, outcome: 'finished' }
    }
    const skipped = state === 'finished' ? await skipDone(run, listener) : undefined
    if (skipped) return skipped
    await execute(run, experiment, path, state !== 'none', batch)
    return { run, outcome: 'finished' }
  } catch (error) {
    return { run, outcome: signal.aborted ? 'interrupted' : 'failed', error }
  }
}

/** Whether --force does a run again, instead of going on with it: it is finished, or nothing can go on with it. */
async function isToRedo({ path }: BatchRun, finished: boolean): Promise<boolean> {
  if (finished) return true
  return readManifest(path).then(
    ({ fedunify }) => fedunify !== VERSION,
    () => true,
  )
}

/** Rounds of a run that are not done again; all of them if nothing of it is. */
export async function doneBefore(run: BatchRun, force: boolean): Promise<number> {
  const { path, state, experiment } = run
  if (state === 'none') return 0
  if (force && (await isToRedo(run, state === 'finished'))) return 0
  if (state === 'finished' && !goesOn(await readManifest(path), experiment)) return Number.POSITIVE_INFINITY
  return await roundsDone(path)
}

/** Does a run again in a folder beside its own, which takes that one's place once it is whole. */
async function redo(run: BatchRun, experiment: Experiment, batch: Batch): Promise<void> {
  const { path } = run
  const draft = beside(path, configHash(experiment).slice(0, 12))
  // What an earlier --force began goes on, if it is of this version.
  const begun = await readManifest(draft).then(
    ({ fedunify, status }) => fedunify === VERSION && status !== 'finished',
    () => false,
  )
  if (!begun && (await kindOf(draft)) === 'folder') await rm(draft, { recursive: true })
  await execute(run, experiment, draft, begun, batch)
  await exchange(draft, path)
}

async function execute(
  run: BatchRun,
  experiment: Experiment,
  path: string,
  resume: boolean,
  { signal, listener, access }: Batch,
): Promise<void> {
  listener.started(run, resume)
  const fetching: Progress = (line, share) => listener.fetching(run, line, share)
  const prepared = await prepareRun(experiment, { ...access, signal, progress: fetching, file: run.file })
  for (const text of notesOf(prepared)) listener.note(run, text)
  const progress: Sink = { name: 'progress', event: (event) => listener.event(run, event) }
  const note = (line: string) => listener.note(run, line)
  await executeToEnd(inThisProcess(prepared), { path, resume, signal, note, sinks: [progress] })
}

/**
 * A finished run is skipped only if it is this one, and whole; undefined if it is to go on, because it was told to stop
 * after an earlier round.
 * @throws FedunifyError (data)
 */
export async function skipDone(run: BatchRun, listener: Pick<BatchListener, 'note'>): Promise<BatchResult | undefined> {
  const manifest = await assertDone(run)
  if (goesOn(manifest, run.experiment)) return undefined
  const note = expectNote(run, manifest)
  if (note) listener.note(run, note)
  return { run, outcome: 'skipped', madeBy: manifest.fedunify }
}

async function assertDone({ path, experiment }: BatchRun): Promise<Manifest> {
  const { manifest } = await loadRun(path)
  if (manifest.config_hash === configHash(experiment)) return manifest
  throw new FedunifyError(
    'E_RUN_FOREIGN',
    `${path} holds another run`,
    'give that folder the name that it had, or remove it',
  )
}

/** What is expected of a run is no part of its config: a finished one keeps what was expected when it started. */
export function expectNote({ file, experiment }: BatchRun, { config }: Manifest): string | undefined {
  const plain = (expect: unknown) => JSON.parse(JSON.stringify(expect ?? null)) as unknown
  if (file === undefined || isDeepStrictEqual(plain(experiment.expect), plain(config.expect))) return undefined
  const how = `fedunify check ${shellWord(file)}`
  return `the expectations of ${fileName(file)} changed since its runs finished; judge them by the new ones: ${how}`
}
