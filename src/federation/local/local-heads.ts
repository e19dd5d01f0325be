import pMap from 'p-map'
import type { HeadWeights } from '../../algorithm/head/head.ts'
import type { Shard } from '../../data/dataset.ts'
import type { Evaluation, Learner } from '../../engine/engine.ts'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { featureModel, randomUnits, widened, widenedWeights } from '../../model/features.ts'
import { type Model, sizeOf } from '../../model/model.ts'
import type { Weights } from '../../weights/weights.ts'

export interface LocalHeadsSettings {
  readonly shards: readonly Shard[]
  readonly model: Model
  /** Random features beside the model's own. */
  readonly random: number
  readonly seed: number
  readonly workers: number
  /** What computes with the model itself. */
  readonly own: Learner
  /** Opens what computes with a wider one; called once, and only if a head is fitted to it. */
  open(model: Model): Promise<Learner>
}

/** What owners in this process do for a head: each widens the model by itself, from the seed. */
export class LocalHeads {
  readonly #settings: LocalHeadsSettings
  readonly #wide: Model
  #learner: Promise<Learner> | undefined
  #units: Float32Array | undefined

  constructor(settings: LocalHeadsSettings) {
    this.#settings = settings
    this.#wide = widened(settings.model, settings.random)
  }

  /** Sums over each owner's training images. */
  async summarise(weights: Weights): Promise<HeadStatistics[]> {
    const learner = await this.#open()
    const wide = this.#widen(weights, this.#unfitted())
    const one = ({ train }: Shard) => learner.summarise(wide, train)
    return await pMap(this.#settings.shards, one, { concurrency: this.#settings.workers })
  }

  /** The model with that last layer, on every owner's own test set. */
  async evaluate(weights: Weights, head: HeadWeights): Promise<Map<number, Evaluation>> {
    const learner = await this.#open()
    const wide = this.#widen(weights, head)
    const one = async ({ owner, test }: Shard) => [owner, await learner.evaluate(wide, test)] as const
    return new Map(await pMap(this.#settings.shards, one, { concurrency: this.#settings.workers + 1 }))
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
    const { classes } = this.#wide
    const features = featureModel(this.#wide).classes
    return { weight: new Float32Array(sizeOf([classes, features])), bias: new Float32Array(classes) }
  }
}
