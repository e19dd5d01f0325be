import type { Evaluation, Progress, Trained } from '../../engine/engine.ts'
import type { Weights } from '../../weights/weights.ts'

/** One data owner as the server sees it: it takes weights and gives weights and counts, never images. */
export interface Owner {
  /** 1-based, as in the paper's tables. */
  readonly owner: number
  readonly trainImages: number
  train(start: Weights, round: { round: number; lr: number }, report: (progress: Progress) => void): Promise<Trained>
  /** A model on the owner's own test set. */
  evaluate(weights: Weights): Promise<Evaluation>
}
