import type { MessagePort } from 'node:worker_threads'
import { workerData as given, move, transferableSymbol, valueSymbol } from 'piscina'
import { tidy } from '../../../system/memory.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { Evaluation, Trained, TrainingSetup, TrainPlan } from '../../engine.ts'
import type { HeadStatistics } from '../../head-statistics.ts'
import type { Statistic } from '../../statistics.ts'
import type { Diverged } from '../../training/failure.ts'
import { type Callbacks, train } from '../../training/train.ts'
import { trainRecords } from '../../training/train-records.ts'
import { hookedBy } from './hook-tensors.ts'
import { openSessions, type Target } from './job-sessions.ts'
import { measure } from './measure.ts'
import { openRecordTrainer } from './record-trainer.ts'
import type { SharedWeights } from './shared-weights.ts'
import { summarise } from './summarise.ts'
import { openTrainer } from './trainer.ts'

/** What every thread of a pool is started with. */
export interface Setup {
  readonly target: Target
  readonly job: TrainingSetup
  /** One shared int32: not 0 once the run is cancelled. */
  readonly cancelled: Int32Array<SharedArrayBuffer>
  /** One shared int32: how many threads have loaded this module, and the native library with it. */
  readonly loaded: Int32Array<SharedArrayBuffer>
}

export type Task =
  | { readonly kind: 'train'; readonly start: SharedWeights; readonly plan: TrainPlan; readonly progress: MessagePort }
  | { readonly kind: 'evaluate'; readonly weights: SharedWeights; readonly sets: readonly Uint32Array[] }
  | { readonly kind: 'summarise'; readonly weights: SharedWeights; readonly indices: Uint32Array }
  | {
      readonly kind: 'measure'
      readonly weights: SharedWeights
      readonly indices: Uint32Array
      readonly statistic: Statistic
    }

interface Results {
  readonly train: Trained | { readonly diverged: Diverged }
  readonly evaluate: readonly Evaluation[]
  readonly summarise: HeadStatistics
  readonly measure: Weights
}

export type TaskResult<T extends Task> = Results[T['kind']]

const { target, job, cancelled, loaded } = given as Setup
const sessions = openSessions(target, job)
// Once whoever loads this module is done with that, too: a thread that is ended before takes the process down.
queueMicrotask(() => Atomics.add(loaded, 0, 1))

/** Runs one task in a pool's thread. */
export default async function run(task: Task): Promise<TaskResult<Task>> {
  tidy()
  check()
  if (task.kind === 'summarise') return await summarise(job, task.weights.weights, task.indices, check)
  if (task.kind === 'evaluate') return await sessions.evaluateShared(task.weights, task.sets)
  if (task.kind === 'measure') {
    const measured = await measure(task.statistic, job, task.weights.weights, task.indices, check)
    return handOver(measured, measured)
  }
  const { start, plan, progress } = task
  try {
    const trained = await trainPlan(start.weights, plan, {
      evaluate: (weights) => sessions.evaluateLocal(weights, plan.test),
      report(images) {
        progress.postMessage(images)
        tidy()
      },
      check,
    })
    return 'weights' in trained ? handOver(trained, trained.weights) : trained
  } finally {
    progress.close()
  }
}

async function trainPlan(start: Weights, plan: TrainPlan, callbacks: Callbacks) {
  const { record } = plan
  if (record) {
    const trainer = await openRecordTrainer(sessions, job, start, { ...plan, clip: record.clip }, check)
    return await trainRecords(trainer, { ...plan, record }, callbacks)
  }
  const hooked = hookedBy(plan.hooks)
  const trainer = openTrainer((batch) => sessions.training(batch, plan.batch, hooked), job, start, plan)
  return await train(trainer, job.seed, plan, callbacks)
}

/** Gives a result to whoever waits for it with the memory of its weights, where otherwise they would be copied. */
function handOver<T extends object>(result: T, weights: Weights): T {
  const buffers = Array.from(weights.values(), ({ data }) => data.buffer as ArrayBuffer)
  return move({ [valueSymbol]: result, [transferableSymbol]: buffers }) as unknown as T
}

function check(): void {
  if (Atomics.load(cancelled, 0) !== 0) throw new Error('cancelled')
}
