import type { MessagePort } from 'node:worker_threads'
import type { InferenceSession } from 'onnxruntime-node'
import { workerData as given } from 'piscina'
import type { Weights } from '../../model/weights.ts'
import type { Evaluation, Trained, TrainingSetup, TrainPlan } from '../engine.ts'
import type { Diverged } from '../failure.ts'
import { train } from '../train.ts'
import { evaluate } from './evaluate.ts'
import type { Target } from './onnx-engine.ts'
import { createSession } from './session.ts'
import { openTrainer } from './train.ts'
import { trainingGraph } from './training-graph.ts'

/** What every thread of a pool is started with. */
export interface WorkerSetup {
  readonly target: Target
  readonly job: TrainingSetup
  /** One shared int32: not 0 once the run is cancelled. */
  readonly cancelled: Int32Array<SharedArrayBuffer>
}

export type Task =
  | { readonly kind: 'train'; readonly start: Weights; readonly plan: TrainPlan; readonly progress: MessagePort }
  | { readonly kind: 'evaluate'; readonly weights: Weights; readonly indices: Uint32Array }

export type TaskResult<T extends Task> = T extends { kind: 'train' } ? Trained | { diverged: Diverged } : Evaluation

const { target, job, cancelled } = given as WorkerSetup
let trainingSession: Promise<InferenceSession> | undefined

/** Runs one task in a pool's thread. */
export default async function run(task: Task): Promise<TaskResult<Task>> {
  check()
  if (task.kind === 'evaluate') return await evaluate(target.device, job, task.weights, task.indices)
  trainingSession ??= createSession(trainingGraph(job.model, job.normalise, job.optimizer, target.block), target.device)
  try {
    const trainer = openTrainer(await trainingSession, job, task.start, task.plan.lr)
    return await train(trainer, job.seed, task.plan, {
      evaluate: (weights) => evaluate(target.device, job, weights, task.plan.test),
      report: (progress) => task.progress.postMessage(progress),
      check,
    })
  } finally {
    task.progress.close()
  }
}

function check(): void {
  if (Atomics.load(cancelled, 0) !== 0) throw new Error('cancelled')
}
