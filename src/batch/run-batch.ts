import { isDeepStrictEqual } from 'node:util'
import { configHash } from '../config/hash.ts'
import { fileName } from '../config/read.ts'
import type { Progress } from '../data/fashion-mnist/fetch.ts'
import { FedunifyError } from '../errors.ts'
import type { RunEvent } from '../federation/events.ts'
import { executeToEnd } from '../run/execute.ts'
import { inThisProcess } from '../run/participants.ts'
import { type DataOptions, prepareRun } from '../run/prepare.ts'
import type { Sink } from '../run/sinks.ts'
import { loadRun } from '../runs/read/load-run.ts'
import { runState } from '../runs/read/run-state.ts'
import type { Manifest } from '../runs/run-description.ts'
import type { BatchRun } from './plan.ts'

/** How a run of a batch ended. */
export interface BatchResult {
  readonly run: BatchRun
  readonly outcome: 'skipped' | 'finished' | 'failed' | 'interrupted'
  readonly error?: unknown
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

interface BatchMeans {
  readonly signal: AbortSignal
  readonly listener: BatchListener
  /** How data may be fetched. */
  readonly access?: Pick<DataOptions, 'offline' | 'mirror'>
}

/**
 * Does what is not done yet of a batch, `jobs` runs at a time, and goes on past a run that fails.
 * Once `signal` is aborted, the runs under way keep their last complete round and no other begins.
 */
export async function runBatch(
  runs: readonly BatchRun[],
  { jobs, ...means }: BatchMeans & { readonly jobs: number },
): Promise<BatchResult[]> {
  const results: BatchResult[] = []
  const queue = [...runs]
  const work = async () => {
    for (let run = queue.shift(); run && !means.signal.aborted; run = queue.shift()) {
      const result = await runOne(run, means)
      means.listener.ended(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, runs.length) }, work))
  // In the order of the plan, whichever ended first: what is made of them must not depend on speed.
  return results.sort((a, b) => runs.indexOf(a.run) - runs.indexOf(b.run))
}

async function runOne(run: BatchRun, { signal, listener, access }: BatchMeans): Promise<BatchResult> {
  try {
    // Not as it was planned: another batch may have come here meanwhile.
    const state = await runState(run.path)
    if (state === 'finished') {
      const note = expectNote(run, await assertDone(run))
      if (note) listener.note(run, note)
      return { run, outcome: 'skipped' }
    }
    const resume = state !== 'none'
    listener.started(run, resume)
    const fetching: Progress = (line, share) => listener.fetching(run, line, share)
    const prepared = await prepareRun(run.experiment, { ...access, signal, progress: fetching, file: run.file })
    if (prepared.engine.note) listener.note(run, prepared.engine.note)
    const progress: Sink = { name: 'progress', event: (event) => listener.event(run, event) }
    const note = (line: string) => listener.note(run, line)
    await executeToEnd(inThisProcess(prepared), { path: run.path, resume, signal, note, sinks: [progress] })
    return { run, outcome: 'finished' }
  } catch (error) {
    return { run, outcome: signal.aborted ? 'interrupted' : 'failed', error }
  }
}

/**
 * A finished run is skipped only if it is this one, and whole.
 * @returns its manifest
 * @throws FedunifyError (data)
 */
export async function assertDone({ path, experiment }: BatchRun): Promise<Manifest> {
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
  if (isDeepStrictEqual(plain(experiment.expect), plain(config.expect))) return undefined
  const name = fileName(file)
  return `the expectations of ${name} changed since its runs finished; judge them by the new ones: fedunify check ${name}`
}
