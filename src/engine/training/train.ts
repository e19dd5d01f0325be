import { range, shuffle, stream } from '../../random.ts'
import { firstNonFinite, type Weights } from '../../weights/weights.ts'
import { accuracy, type Evaluation, type Progress, type Trained, type TrainPlan } from '../engine.ts'
import { type Chunk, chunks } from './chunks.ts'
import type { Diverged } from './failure.ts'

/** Images for each call of a fast engine: often enough for progress and Ctrl-C, rarely enough to cost nothing. */
export const CHUNK_IMAGES = 1600

/** The part of a plan's training that is the engine's own: a model under training, and its optimiser's state. */
export interface Trainer {
  /** Images that it wants in a chunk, at most. */
  readonly chunkImages: number
  /**
   * One update for each batch of `chunk`, in order.
   * @param keys dropout key of each step
   * @param done updates before these
   * @returns the mean loss of each batch, taken before its update
   */
  run(chunk: Chunk, keys: Uint32Array, done: number): Promise<Float32Array>
  /** The weights as they are now. */
  weights(): Promise<Weights>
}

export interface Callbacks {
  evaluate(weights: Weights): Promise<Evaluation>
  report(progress: Progress): void
  /** Throws where the run was cancelled; asked between chunks. */
  check(): void
}

/** Trains as `plan` says, in the order of images and with the dropout keys that every engine shares. */
export async function train(
  trainer: Trainer,
  seed: number,
  plan: TrainPlan,
  callbacks: Callbacks,
): Promise<Trained | { diverged: Diverged }> {
  const total = plan.train.length * plan.epochs
  const keys = stream(seed, 'dropout', plan.owner, plan.round)
  let local: Evaluation | undefined
  let loss = 0
  let step = 0
  let images = 0
  let epoch = 0
  let seconds = 0

  while (epoch < plan.epochs) {
    epoch += 1
    const began = performance.now()
    const random = stream(seed, 'shuffle', plan.owner, plan.round, epoch)
    const order = shuffle(range(plan.train.length), random).map((i) => plan.train[i]!)
    let lossSum = 0
    for (const chunk of chunks(order, plan.batch, trainer.chunkImages)) {
      callbacks.check()
      const dropoutKeys = Uint32Array.from({ length: chunk.steps }, () => keys.below(2 ** 32))
      const losses = await trainer.run(chunk, dropoutKeys, step)
      const chunkLoss = losses.reduce((sum, value) => sum + value * chunk.batch, 0)
      step += chunk.steps
      images += chunk.indices.length
      lossSum += chunkLoss
      if (!Number.isFinite(chunkLoss)) return { diverged: divergedAt(await trainer.weights(), chunkLoss, step) }
      callbacks.report({ epoch, epochs: plan.epochs, images, total, loss: chunkLoss / chunk.indices.length })
    }
    seconds += (performance.now() - began) / 1000
    loss = lossSum / plan.train.length
    if (plan.untilAccuracy === undefined) continue
    local = await callbacks.evaluate(await trainer.weights())
    if (accuracy(local) >= plan.untilAccuracy) break
  }

  const weights = await trainer.weights()
  const bad = firstNonFinite(weights)
  if (bad) return { diverged: { ...bad, step } }
  if (!plan.evaluate) return { weights, epochs: epoch, images, loss, local: undefined, seconds }
  return { weights, epochs: epoch, images, loss, local: local ?? (await callbacks.evaluate(weights)), seconds }
}

const divergedAt = (weights: Weights, loss: number, step: number): Diverged => ({
  ...(firstNonFinite(weights) ?? { tensor: 'loss', value: loss }),
  step,
})
