import type { HeadWeights } from '../algorithm/head/head.ts'
import type { Shard } from '../data/dataset.ts'
import type { Evaluation, Learner } from '../engine/engine.ts'
import type { HeadStatistics } from '../engine/head-statistics.ts'
import { featureModel, randomUnits, widened, widenedWeights } from '../model/features.ts'
import { type Model, sizeOf } from '../model/model.ts'
import type { Weights } from '../weights/weights.ts'
import { statisticsTensors } from './head-tensors.ts'

export interface HeadLearnerSettings {
  readonly model: Model
  /** Random features beside the model's own. */
  readonly random: number
  readonly seed: number
  /** What computes with the model itself. */
  readonly own: Learner
  /** Opens what computes with a wider one; called once, and only if a head is fitted to it. */
  open(model: Model): Promise<Learner>
}

/** What an owner does for a head, wherever it is: it widens the model by itself, from the seed. */
export class HeadLearner {
  readonly #settings: HeadLearnerSettings
  readonly #wide: Model
  #learner: Promise<Learner> | undefined
  #units: Float32Array | undefined

  constructor(settings: HeadLearnerSettings) {
    this.#settings = settings
    this.#wide = widened(settings.model, settings.random)
  }

  /** Of the sums: features and the 1 behind them, and classes. */
  get sizes(): Pick<HeadStatistics, 'size' | 'classes'> {
    return statisticsSizes(this.#wide)
  }

  /** Sums over an owner's training images. */
  async sums(weights: Weights, { train }: Shard): Promise<HeadStatistics> {
    const learner = await this.#open()
    return await learner.summarise(this.#widen(weights, this.#unfitted()), train)
  }

  /** The same as an owner hands them over without masks. */
  async summarise(weights: Weights, shard: Shard): Promise<Weights> {
    return statisticsTensors(await this.sums(weights, shard))
  }

  /** The model with that last layer, on an owner's own test set. */
  async evaluate(weights: Weights, head: HeadWeights, { test }: Shard): Promise<Evaluation> {
    const learner = await this.#open()
    return await learner.evaluate(this.#widen(weights, head), test)
  }

  async close(): Promise<void> {
    // One that could not be opened was told of then.
    const learner = await this.#learner?.catch(() => undefined)
    await learner?.close()
  }

  #open(): Promise<Learner> {
    if (this.#wide === this.#settings.model) return Promise.resolve(this.#settings.own)
    this.#learner ??= this.#settings.open(this.#wide)
    return this.#learner
  }

  #widen(weights: Weights, head: HeadWeights): Weights {
    const { model, seed } = this.#settings
    this.#units ??= randomUnits(model, this.#wide, seed)
    return widenedWeights(this.#wide, weights, this.#units, head)
  }

  /** Features do not depend on it. */
  #unfitted(): HeadWeights {
    const { size, classes } = this.sizes
    return { weight: new Float32Array(sizeOf([classes, size - 1])), bias: new Float32Array(classes) }
  }
}

/** The sizes of sums of a model's features; of one that is widened, if there are random features. */
export const statisticsSizes = (wide: Model): Pick<HeadStatistics, 'size' | 'classes'> => ({
  size: featureModel(wide).classes + 1,
  classes: wide.classes,
})
