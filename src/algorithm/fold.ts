import { stepsOf, type TrainedSteps } from '../engine/effective-steps.ts'
import { nameOf } from '../parts.ts'
import { squaredDistance } from '../weights/distance.ts'
import type { WeightPool } from '../weights/pool.ts'
import type { Fold, Folded, Handed } from './algorithm.ts'
import { assertFinite } from './assert-finite.ts'
import { Drift } from './drift.ts'
import type { Merge } from './merge/merge.ts'
import type { MergeChoice } from './merge/own-rule.ts'
import type { MergedRound } from './merge/rule.ts'
import { startMerge } from './merge/start-merge.ts'

/** How many images of each class owners train on, by owner; of those that tell. */
export type LabelCounts = ReadonlyMap<number, readonly number[]>

/** What a fold is told beside the updates. */
export interface Told {
  readonly labels: LabelCounts
  /** How the owners train, if that is known. */
  readonly training?: Pick<TrainedSteps, 'batch' | 'momentum'> | undefined
  /** Whether it is asked how far the owners went (see `Folded`). */
  readonly moves?: boolean | undefined
}

/** A fold whose models are those of merge rules, in memory of the pool. */
export class RoundFold implements Fold {
  #seconds = 0
  readonly #round: MergedRound
  readonly #pool: WeightPool
  readonly #merges: readonly { readonly name: string; readonly merge: Merge }[]
  readonly #drift: Drift
  readonly #sent = new Map<string, Merge>()
  readonly #told: Told
  #owners = 0
  #squares = 0

  constructor(rules: readonly MergeChoice[], round: MergedRound, pool: WeightPool, told: Told) {
    this.#told = told
    this.#round = round
    this.#pool = pool
    this.#merges = rules.map((rule) => ({ name: nameOf(rule), merge: startMerge(rule, { ...round, pool }) }))
    this.#drift = new Drift(pool)
  }

  get seconds(): number {
    return this.#seconds
  }

  add(update: Handed): void {
    const began = performance.now()
    const { labels, training, moves } = this.#told
    const { epochs, trainImages: images } = update
    const steps = training && epochs !== undefined ? stepsOf({ epochs, images, ...training }) : undefined
    const owner = { ...update, trainLabels: labels.get(update.owner), steps }
    for (const { merge } of this.#merges) merge.add(owner)
    this.#drift.add(update.weights)
    this.#owners += 1
    if (moves && this.#round.base) this.#squares += squaredDistance(update.weights, this.#round.base)
    for (const [name, weights] of Object.entries(update.sent)) this.#mean(name).add({ ...update, weights })
    this.#seconds += (performance.now() - began) / 1000
  }

  finish(): Folded {
    const models = this.#merges.map(({ name, merge }) =>
      assertFinite(merge.finish(), this.#round.round, `merge ${name}`),
    )
    const sent = [...this.#sent].map(([name, merge]) => [name, merge.finish()] as const)
    const meanSquare = this.#told.moves ? this.#squares / this.#owners : undefined
    return { models, drift: this.#drift.finish(), owners: this.#owners, sent: Object.fromEntries(sent), meanSquare }
  }

  /** A mean, because it is all that secure aggregation lets the server see. */
  #mean(name: string): Merge {
    const started = this.#sent.get(name) ?? startMerge('avg', { ...this.#round, pool: this.#pool })
    this.#sent.set(name, started)
    return started
  }
}
