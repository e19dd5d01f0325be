import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { firstNonFinite, type Weights } from '../../model/weights.ts'
import { range, shuffle, stream } from '../../random.ts'
import type { Evaluation, Progress, Trained, TrainingSetup, TrainPlan } from '../engine.ts'
import { accuracy } from '../engine.ts'
import { gather } from './gather.ts'
import { stateNames, updated } from './training-graph.ts'

/** Images for each call of the runtime: often enough for progress and Ctrl-C, rarely enough to cost nothing. */
const CHUNK_IMAGES = 1600

export interface Diverged {
  /** The first tensor that is not finite, or `loss` where only that is. */
  readonly tensor: string
  readonly value: number
  /** Updates done when it was seen. */
  readonly step: number
}

export interface Hooks {
  evaluate(weights: Weights): Promise<Evaluation>
  report(progress: Progress): void
  /** Throws where the run was cancelled; asked between chunks. */
  check(): void
}

type Tensors = Record<string, Tensor>

/** Trains one owner's model as `plan` says, from `start`; optimiser state begins at zero. */
export async function train(
  session: InferenceSession,
  job: TrainingSetup,
  plan: TrainPlan,
  start: Weights,
  hooks: Hooks,
): Promise<Trained | { diverged: Diverged }> {
  const total = plan.train.length * plan.epochs
  const lr = new Tensor('float32', [plan.lr], [])
  const keys = stream(job.seed, 'dropout', plan.owner, plan.round)
  let tensors = initialTensors(job, start)
  let local: Evaluation | undefined
  let loss = 0
  let step = 0
  let images = 0
  let epoch = 0
  let seconds = 0

  while (epoch < plan.epochs) {
    epoch += 1
    const began = performance.now()
    const random = stream(job.seed, 'shuffle', plan.owner, plan.round, epoch)
    const order = shuffle(range(plan.train.length), random).map((i) => plan.train[i]!)
    let lossSum = 0
    for (const chunk of chunks(order, plan.batch)) {
      hooks.check()
      const steps = chunk.length / chunk.batch
      const feeds = { ...chunkFeeds(job, chunk.indices, chunk.batch), lr, step: new Tensor('float32', [step], []) }
      const dropoutKeys = Uint32Array.from({ length: steps }, () => keys.below(2 ** 32))
      const result = await session.run({ ...feeds, ...tensors, keys: new Tensor('uint32', dropoutKeys, [steps]) })
      tensors = Object.fromEntries(Object.keys(tensors).map((name) => [name, result[updated(name)] as Tensor]))
      const losses = result.losses!.data as Float32Array
      const chunkLoss = losses.reduce((sum, value) => sum + value * chunk.batch, 0)
      step += steps
      images += chunk.length
      lossSum += chunkLoss
      if (!Number.isFinite(chunkLoss)) return { diverged: divergence(weightsOf(job, tensors), chunkLoss, step) }
      hooks.report({ epoch, epochs: plan.epochs, images, total, loss: chunkLoss / chunk.length })
    }
    seconds += (performance.now() - began) / 1000
    loss = lossSum / plan.train.length
    if (plan.untilAccuracy === undefined) continue
    local = await hooks.evaluate(weightsOf(job, tensors))
    if (accuracy(local) >= plan.untilAccuracy) break
  }

  const weights = weightsOf(job, tensors)
  const bad = firstNonFinite(weights)
  if (bad) return { diverged: { ...bad, step } }
  return { weights, epochs: epoch, images, loss, local: local ?? (await hooks.evaluate(weights)), seconds }
}

/** Whole chunks of full batches, then the rest of them, then the last, smaller batch: no image is dropped. */
function* chunks(
  order: Uint32Array,
  batch: number,
): Generator<{ indices: Uint32Array; batch: number; length: number }> {
  const full = order.length - (order.length % batch)
  const most = Math.max(1, Math.floor(CHUNK_IMAGES / batch)) * batch
  for (let from = 0; from < full; from += most) {
    const indices = order.subarray(from, Math.min(from + most, full))
    yield { indices, batch, length: indices.length }
  }
  const rest = order.length - full
  if (rest > 0) yield { indices: order.subarray(full), batch: rest, length: rest }
}

function chunkFeeds({ dataset }: TrainingSetup, indices: Uint32Array, batch: number): Tensors {
  const { images, labels } = gather(dataset, indices)
  const steps = indices.length / batch
  return {
    images: new Tensor('uint8', images, [steps, batch, dataset.rows * dataset.cols]),
    labels: new Tensor('int32', labels, [steps, batch]),
  }
}

function initialTensors({ optimizer }: TrainingSetup, start: Weights): Tensors {
  const tensors: Tensors = {}
  for (const [name, { shape, data }] of start) {
    // A copy: the runtime refuses shared buffers.
    tensors[name] = new Tensor('float32', data.slice(), shape)
    for (const state of stateNames(optimizer, name))
      tensors[state] = new Tensor('float32', new Float32Array(data.length), shape)
  }
  return tensors
}

function weightsOf({ model }: TrainingSetup, tensors: Tensors): Weights {
  return new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, data: tensors[name]!.data as Float32Array }]),
  )
}

const divergence = (weights: Weights, loss: number, step: number): Diverged => ({
  ...(firstNonFinite(weights) ?? { tensor: 'loss', value: loss }),
  step,
})
