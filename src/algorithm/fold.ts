import { FedunifyError } from '../errors.ts'
import { nameOf } from '../parts.ts'
import { squaredDistance } from '../weights/distance.ts'
import type { WeightPool } from '../weights/pool.ts'
import { firstNonFinite, type Weights } from '../weights/weights.ts'
import type { Fold, Folded, Handed } from './algorithm.ts'
import { Drift } from './drift.ts'
import type { Merge } from './merge/merge.ts'
import type { MergeChoice } from './merge/own-rule.ts'
import type { MergedRound } from './merge/rule.ts'
import { startMerge } from './merge/start-merge.ts'

/** How many images of each class owners train on, by owner; of those that tell. */
export type LabelCounts = ReadonlyMap<number, readonly number[]>

/** A fold whose models are those of merge rules, in memory of the pool. */
export class RoundFold implements Fold {
  #seconds = 0
  readonly #round: MergedRound
  readonly #pool: WeightPool
  readonly #merges: readonly { readonly name: string; readonly merge: Merge }[]
  readonly #drift: Drift
  readonly #sent = new Map<string, Merge>()
  readonly #labels: LabelCounts
  readonly #moves: boolean
  #owners = 0
  #squares = 0

  /** @param moves whether it is asked how far the owners went (see `Folded`) */
  constructor(
    rules: readonly MergeChoice[],
    round: MergedRound,
    pool: WeightPool,
    { labels, moves = false }: { readonly labels: LabelCounts; readonly moves?: boolean | undefined },
  ) {
    this.#labels = labels
    this.#round = round
    this.#pool = pool
    this.#merges = rules.map((rule) => ({ name: nameOf(rule), merge: startMerge(rule, { ...round, pool }) }))
    this.#drift = new Drift(pool)
    this.#moves = moves
  }

  get seconds(): number {
    return this.#seconds
  }

  add(update: Handed): void {
    const began = performance.now()
    const owner = { ...update, trainLabels: this.#labels.get(update.owner) }
    for (const { merge } of this.#merges) merge.add(owner)
    this.#drift.add(update.weights)
    this.#owners += 1
    if (this.#moves && this.#round.base) this.#squares += squaredDistance(update.weights, this.#round.base)
    for (const [name, weights] of Object.entries(update.sent)) this.#mean(name).add({ ...update, weights })
    this.#seconds += (performance.now() - began) / 1000
  }

  finish(): Folded {
    const models = this.#merges.map(({ name, merge }) => finite(merge.finish(), name, this.#round.round))
    const sent = [...this.#sent].map(([name, merge]) => [name, merge.finish()] as const)
    const meanSquare = this.#moves ? this.#squares / this.#owners : undefined
    return { models, drift: this.#drift.finish(), sent: Object.fromEntries(sent), meanSquare }
  }

  /** A mean, because it is all that secure aggregation lets the server see. */
  #mean(name: string): Merge {
    const started = this.#sent.get(name) ?? startMerge('avg', { ...this.#round, pool: this.#pool })
    this.#sent.set(name, started)
    return started
  }
}

function finite(merged: Weights, name: string, round: number): Weights {
  const bad = firstNonFinite(merged)
  if (bad) {
    const message = `round ${round}: merge ${name} made ${bad.tensor} ${bad.value}`
    throw new FedunifyError('E_DIVERGED', message, 'lower the lr', { round, tensor: bad.tensor })
  }
  return merged
}
