import { FedunifyError } from '../errors.ts'
import { imagesToTrain, prepareRun } from '../run/prepare.ts'
import { roundsDone } from '../runs/read/run-state.ts'
import { trainingSpeed } from './calibrate.ts'
import type { BatchRun } from './plan.ts'
import { type BatchResult, isStopped, workersOf } from './run-batch.ts'

/** What is left to train of a run, and about how long this machine takes for it. */
export interface RunEstimate {
  readonly run: BatchRun
  readonly images: number
  readonly seconds: number
}

/**
 * Estimates every run; one that would fail has its error instead: a batch goes on past such a run, and so does this.
 * @param jobs runs at the same time
 */
export async function estimateBatch(
  runs: readonly BatchRun[],
  jobs: number,
  signal: AbortSignal,
): Promise<(RunEstimate | BatchResult)[]> {
  const speeds = new Map<string, number>()
  const estimates: (RunEstimate | BatchResult)[] = []
  for (const run of runs) {
    signal.throwIfAborted()
    try {
      estimates.push(await estimateRun(run, jobs, speeds, signal))
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
  jobs: number,
  speeds: Map<string, number>,
  signal: AbortSignal,
): Promise<RunEstimate> {
  const prepared = await prepareRun(run.experiment, { signal })
  const done = run.state === 'finished' && !(await isStopped(run))
  const images = done ? 0 : imagesToTrain(prepared, await roundsDone(run.path))
  const { model, optimizer, batch, engine, device, layout } = run.experiment
  const kind = JSON.stringify([model, optimizer, batch, engine, device, layout])
  const speed = speeds.get(kind) ?? (await trainingSpeed(prepared, signal))
  speeds.set(kind, speed)
  return { run, images, seconds: images / (speed * workersOf(run, jobs)) }
}
