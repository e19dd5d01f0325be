import { FedunifyError } from '../errors.ts'
import { type DataOptions, fetchedFirst, imagesToTrain, prepareRun } from '../run/prepare.ts'

import { trainingSpeed } from './calibrate.ts'
import type { BatchRun } from './plan.ts'
import { type BatchResult, doneBefore, workersOf } from './run-batch.ts'

/** What is left to train of a run, and about how long this machine takes for it. */
export interface RunEstimate {
  readonly run: BatchRun
  readonly images: number
  readonly seconds: number
  /** What it would have to fetch first, in words: then nothing else is known of it. */
  readonly fetched?: string
}

interface Estimating extends DataOptions {
  readonly signal: AbortSignal
  /** Runs at the same time. */
  readonly jobs: number
  /** Whether finished runs are done again. */
  readonly force?: boolean
}

/** Estimates every run; one that would fail has its error instead: a batch goes on past such a run, and so does this. */
export async function estimateBatch(
  runs: readonly BatchRun[],
  options: Estimating,
): Promise<(RunEstimate | BatchResult)[]> {
  const speeds = new Map<string, number>()
  const estimates: (RunEstimate | BatchResult)[] = []
  for (const run of runs) {
    options.signal.throwIfAborted()
    try {
      estimates.push(await estimateRun(run, speeds, options))
    } catch (error) {
      if (!(error instanceof FedunifyError) || error.kind === 'interrupted') throw error
      estimates.push({ run, outcome: 'failed', error })
    }
  }
  return estimates
}

/** @param speeds images that this machine trains in a second on one worker, by what that depends on; added to */
async function estimateRun(
  run: BatchRun,
  speeds: Map<string, number>,
  { jobs, force = false, ...access }: Estimating,
): Promise<RunEstimate> {
  const fetched = await fetchedFirst(run.experiment, access)
  if (fetched !== undefined) return { run, images: 0, seconds: 0, fetched }
  const prepared = await prepareRun(run.experiment, access)
  const images = imagesToTrain(prepared, await doneBefore(run, force))
  const { model, optimizer, sam, privacy, batch, engine, device, layout } = run.experiment
  const gradients = [sam !== undefined, privacy?.level === 'record']
  const kind = JSON.stringify([model, optimizer, gradients, batch, engine, device, layout])
  const speed = speeds.get(kind) ?? (await trainingSpeed(prepared, access.signal))
  speeds.set(kind, speed)
  return { run, images, seconds: images / (speed * workersOf(run, jobs)) }
}
