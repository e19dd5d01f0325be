import type { MessagePort } from 'node:worker_threads'
import type { InferenceSession } from 'onnxruntime-node'
import { workerData as given, move, transferableSymbol, valueSymbol } from 'piscina'
import { tidy } from '../../memory.ts'
import type { Weights } from '../../model/weights.ts'
import type { Device, Evaluation, Trained, TrainingSetup, TrainPlan } from '../engine.ts'
import type { Diverged } from '../failure.ts'
import { train } from '../train.ts'
import { evaluate, evaluateWeights } from './evaluate.ts'
import { evaluationGraph } from './evaluation-graph.ts'
import { inferenceGraph } from './inference-graph.ts'
import { createSession } from './session.ts'
import type { SharedWeights } from './shared-weights.ts'
import { openTrainer } from './train.ts'
import { trainingGraph } from './training-graph.ts'

/** How the graphs run: on a device, with channels in blocks of this size where they are blocked. */
export interface Target {
  readonly device: Device
  readonly block?: number
}

/** What every thread of a pool is started with. */
export interface WorkerSetup {
  readonly target: Target
  readonly job: TrainingSetup
  /** One shared int32: not 0 once the run is cancelled. */
  readonly cancelled: Int32Array<SharedArrayBuffer>
}

export type Task =
  | { readonly kind: 'train'; readonly start: SharedWeights; readonly plan: TrainPlan; readonly progress: MessagePort }
  | { readonly kind: 'evaluate'; readonly weights: SharedWeights; readonly indices: Uint32Array }

export type TaskResult<T extends Task> = T extends { kind: 'train' } ? Trained | { diverged: Diverged } : Evaluation

const { target, job, cancelled } = given as WorkerSetup
/** By the batch that they are for; undefined: for any. */
const trainingSessions = new Map<number | undefined, Promise<InferenceSession>>()
let evaluationSession: Promise<InferenceSession> | undefined
/** The model evaluated last: the next owner's evaluation is mostly of the same one. */
let scored: { readonly id: number; readonly session: InferenceSession } | undefined

/** Runs one task in a pool's thread. */
export default async function run(task: Task): Promise<TaskResult<Task>> {
  tidy()
  check()
  if (task.kind === 'evaluate') return await scoreShared(task.weights, task.indices)
  try {
    const session = (batch: number) => trainingSession(batch, task.plan.batch)
    const trainer = openTrainer(session, job, task.start.weights, task.plan.lr)
    const trained = await train(trainer, job.seed, task.plan, {
      evaluate: (weights) => scoreLocal(weights, task.plan.test),
      report(progress) {
        task.progress.postMessage(progress)
        tidy()
      },
      check,
    })
    return 'weights' in trained ? handOver(trained) : trained
  } finally {
    task.progress.close()
  }
}

/** The graph for full batches is for no others: in blocked layout it is faster for that. */
function trainingSession(batch: number, full: number): Promise<InferenceSession> {
  const { block } = target
  const fixed = block !== undefined && batch === full ? { batch } : {}
  const known = trainingSessions.get(fixed.batch)
  if (known) return known
  const blocks = block === undefined ? block : { block, ...fixed }
  const session = createSession(trainingGraph(job.model, job.normalise, job.optimizer, blocks), target.device)
  trainingSessions.set(fixed.batch, session)
  return session
}

/** Gives the weights to whoever waits for them, memory and all, where otherwise they would be copied. */
function handOver(trained: Trained): Trained {
  const buffers = Array.from(trained.weights.values(), ({ data }) => data.buffer as ArrayBuffer)
  return move({ [valueSymbol]: trained, [transferableSymbol]: buffers }) as unknown as Trained
}

const open = (weights: Weights) => createSession(inferenceGraph(job.model, job.normalise, weights), target.device)

/** In blocked layout one session is for all models, else each needs its own. */
async function score(weights: Weights, indices: Uint32Array): Promise<Evaluation | undefined> {
  if (target.block === undefined) return undefined
  evaluationSession ??= createSession(evaluationGraph(job.model, job.normalise, target.block))
  return await evaluateWeights(await evaluationSession, job, weights, indices)
}

async function scoreShared({ id, weights }: SharedWeights, indices: Uint32Array): Promise<Evaluation> {
  const evaluation = await score(weights, indices)
  if (evaluation) return evaluation
  if (scored?.id !== id) {
    const last = scored
    scored = undefined
    await last?.session.release()
    scored = { id, session: await open(weights) }
  }
  return await evaluate(scored.session, job, indices)
}

async function scoreLocal(weights: Weights, indices: Uint32Array): Promise<Evaluation> {
  const evaluation = await score(weights, indices)
  if (evaluation) return evaluation
  const session = await open(weights)
  try {
    return await evaluate(session, job, indices)
  } finally {
    await session.release()
  }
}

function check(): void {
  if (Atomics.load(cancelled, 0) !== 0) throw new Error('cancelled')
}
