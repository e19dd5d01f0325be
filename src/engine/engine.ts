import type { Dataset } from '../data/dataset.ts'
import type { Model } from '../model/model.ts'
import type { RecordNoise } from '../privacy/record/mechanism.ts'
import type { Weights } from '../weights/weights.ts'
import type { HeadStatistics } from './head-statistics.ts'
import type { ObjectiveHooks } from './hooks.ts'
import type { Statistic } from './statistics.ts'

/** What computes: the processor, an NVIDIA GPU through CUDA, any GPU through WebGPU. */
export const DEVICES = ['cpu', 'cuda', 'webgpu'] as const
export type Device = (typeof DEVICES)[number]

/** The order of channels in memory while training on the CPU. `auto`: blocked if that works. */
export const LAYOUTS = ['auto', 'blocked', 'standard'] as const
export type Layout = (typeof LAYOUTS)[number]

/** An engine turns a model into training and evaluation on a device. */
export interface Engine {
  readonly name: string
  readonly device: Device
  /** Name and version of what computes and how, for the manifest: runs of one version give the same bits. */
  readonly version: string
  /** What it found to be quickest on this machine; the bits do not depend on it. */
  readonly tuning?: string
  /** What the user should know about the choice: a faster way that did not work here, and why. */
  readonly note?: string
  open(job: LearnerJob): Promise<Learner>
}

/** Mean and standard deviation of the grey values in the 0-1 range; inputs are (value / 255 - mean) / std. */
export interface Normalisation {
  readonly mean: number
  readonly std: number
}

export interface OptimizerSettings {
  readonly kind: 'sgd' | 'momentum' | 'adam'
  /** Momentum coefficient; read by `momentum` alone. */
  readonly momentum: number
  /** L2 penalty added to the gradient: g + weightDecay * w. */
  readonly weightDecay: number
}

/** Everything about the training itself that stays the same for all owners and rounds of a run. */
export interface TrainingSetup {
  readonly model: Model
  readonly dataset: Dataset
  readonly normalise: Normalisation
  readonly optimizer: OptimizerSettings
  readonly seed: number
}

export interface LearnerJob extends TrainingSetup {
  /** How many owners train at the same time, one thread each. */
  readonly workers: number
  /** Cancels what is under way; calls then reject with the signal's reason. */
  readonly signal: AbortSignal | undefined
}

/** One owner's training in one round. Optimiser state starts fresh: only weights travel between rounds. */
export interface TrainPlan {
  readonly owner: number
  /** Who that is, for messages: "owner 3". */
  readonly name: string
  readonly round: number
  /** Indices into the dataset. */
  readonly train: Uint32Array
  readonly test: Uint32Array
  readonly batch: number
  readonly lr: number
  /** Epochs to train, or at most to train where `untilAccuracy` is given. */
  readonly epochs: number
  /** Stop after the first epoch whose accuracy on `test` is at least this fraction. */
  readonly untilAccuracy: number | undefined
  /** Whether the trained model is evaluated on `test`. */
  readonly evaluate: boolean
  /** What the local objective adds to the cross-entropy. */
  readonly hooks?: ObjectiveHooks
  /** The class that images are trained as, by their label, if that is another one. */
  readonly relabel?: Uint8Array
  /** Hides each image: its gradient is clipped, steps take samples of the images, and noise is added to their sum. */
  readonly record?: RecordNoise
}

/** Counts, so that evaluations of disjoint test sets add up to that of their union. */
export interface Evaluation {
  readonly images: number
  readonly correct: number
  /** Sum of the images' cross-entropy, in nats. */
  readonly lossSum: number
  /** [true label][predicted label], row-major, classes * classes counts. */
  readonly confusion: Uint32Array
}

export interface Progress {
  readonly epoch: number
  readonly epochs: number
  /** Images trained in this plan so far, of `total`. */
  readonly images: number
  readonly total: number
  /** Mean loss over the images of the last chunk. */
  readonly loss: number
}

export interface Trained {
  readonly weights: Weights
  readonly epochs: number
  /** Images trained on, epochs counted each. */
  readonly images: number
  /** Mean loss over the images of the last epoch, each taken before its batch's update. */
  readonly loss: number
  /** The local model on the owner's own test set; undefined if that was not asked for. */
  readonly local: Evaluation | undefined
  /** Seconds of training, evaluation not counted. */
  readonly seconds: number
}

/** Trains and evaluates on behalf of owners; calls may be made at once and run in parallel. */
export interface Learner {
  /**
   * @throws FedunifyError (training) naming owner, round and tensor if a loss or a weight is not finite, or if the
   * plan's hooks do not fit the model: then nothing was trained
   */
  train(start: Weights, plan: TrainPlan, report: (progress: Progress) => void): Promise<Trained>
  evaluate(weights: Weights, indices: Uint32Array): Promise<Evaluation>
  /** What a last layer is fitted to: sums over the images at `indices` of the inputs of the model's last layer. */
  summarise(weights: Weights, indices: Uint32Array): Promise<HeadStatistics>
  /** What a merge rule asks of the images at `indices`. */
  measure(weights: Weights, indices: Uint32Array, statistic: Statistic): Promise<Weights>
  close(): Promise<void>
}

export const accuracy = (e: Evaluation): number => e.correct / e.images
export const meanLoss = (e: Evaluation): number => e.lossSum / e.images

/** The evaluation on the union of disjoint test sets. */
export function addEvaluations(parts: readonly Evaluation[]): Evaluation {
  const confusion = new Uint32Array(parts[0]?.confusion.length ?? 0)
  for (const part of parts) for (let i = 0; i < confusion.length; i++) confusion[i]! += part.confusion[i]!
  return {
    images: parts.reduce((n, p) => n + p.images, 0),
    correct: parts.reduce((n, p) => n + p.correct, 0),
    lossSum: parts.reduce((n, p) => n + p.lossSum, 0),
    confusion,
  }
}
