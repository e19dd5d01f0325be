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
 * @param options how many runs are done at the same time, and whether finished ones are done again
 */
export async function estimateBatch(
  runs: readonly BatchRun[],
  { jobs, force = false }: { readonly jobs: number; readonly force?: boolean },
  signal: AbortSignal,
): Promise<(RunEstimate | BatchResult)[]> {
  const speeds = new Map<string, number>()
  const estimates: (RunEstimate | BatchResult)[] = []
  for (const run of runs) {
    signal.throwIfAborted()
    try {
      estimates.push(await estimateRun(run, { jobs, force }, speeds, signal))
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
  { jobs, force }: { readonly jobs: number; readonly force: boolean },
  speeds: Map<string, number>,
  signal: AbortSignal,
): Promise<RunEstimate> {
  const prepared = await prepareRun(run.experiment, { signal })
  const finished = run.state === 'finished'
  const done = finished && !force && !(await isStopped(run))
  const images = done ? 0 : imagesToTrain(prepared, finished && force ? 0 : await roundsDone(run.path))
  const { model, optimizer, batch, engine, device, layout } = run.experiment
  const kind = JSON.stringify([model, optimizer, batch, engine, device, layout])
  const speed = speeds.get(kind) ?? (await trainingSpeed(prepared, signal))
  speeds.set(kind, speed)
  return { run, images, seconds: images / (speed * workersOf(run, jobs)) }
}
