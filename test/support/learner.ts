import { expect, onTestFinished } from 'vitest'
import type { Learner, LearnerJob, Progress, Trained, TrainPlan } from '../../src/engine/engine.ts'
import type { Target } from '../../src/engine/onnx/session/job-sessions.ts'
import { onnxEngine } from '../../src/engine/onnx/session/onnx-engine.ts'
import type { Layer } from '../../src/model/layers.ts'
import { buildModel } from '../../src/model/model.ts'
import { quarters, range } from './synthetic.ts'

export const LAYERS: Layer[] = [
  { type: 'conv2d', filters: 4, kernel: 3, padding: 'same' },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'flatten' },
  { type: 'dense', units: 4 },
]

/** 500 images: the training takes the first ones, tests the last ones. */
export const DATASET = quarters(500)
export const NORMALISE = { mean: 0.35, std: 0.25 }

export const job = (given: Partial<LearnerJob> = {}): LearnerJob => ({
  model: buildModel(LAYERS, [1, 12, 12], 4),
  dataset: DATASET,
  normalise: NORMALISE,
  optimizer: { kind: 'momentum', momentum: 0.9, weightDecay: 0 },
  seed: 1,
  workers: 1,
  signal: undefined,
  ...given,
})

export const plan = (given: Partial<TrainPlan> = {}): TrainPlan => ({
  owner: 3,
  name: `owner ${given.owner ?? 3}`,
  round: 2,
  train: range(0, 210),
  test: range(400, 500),
  batch: 32,
  lr: 0.02,
  epochs: 3,
  untilAccuracy: undefined,
  evaluate: true,
  ...given,
})

/** A learner that is closed when the test ends. */
export async function open(given: Partial<LearnerJob> = {}, target: Partial<Target> = {}): Promise<Learner> {
  const learner = await onnxEngine({ device: 'cpu', ...target }).open(job(given))
  onTestFinished(() => learner.close())
  return learner
}

/** Trains and keeps all that was reported. */
export async function watch(
  learner: Learner,
  start: Parameters<Learner['train']>[0],
  given: Partial<TrainPlan> = {},
): Promise<{ trained: Trained; progress: Progress[] }> {
  const progress: Progress[] = []
  const trained = await learner.train(start, plan(given), (p) => progress.push(p))
  return { trained, progress }
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.unreachable('it should have been rejected'),
    (error: unknown) => error,
  )
}
