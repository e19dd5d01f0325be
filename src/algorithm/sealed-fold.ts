import type { Unmasking } from '../privacy/masks/dropouts/unmasking.ts'
import type { Masked } from '../privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import { MaskedSum } from '../privacy/masks/masked-sum.ts'
import type { WeightPool } from '../weights/pool.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import type { Fold, Folded, Handed } from './algorithm.ts'
import { type MaskedRule, unitOf } from './masked-plan.ts'
import { noOwners } from './merge/merge.ts'
import type { MergedRound } from './merge/rule.ts'

/** What an owner hands in instead of weights. */
export interface Sealed extends Masked {
  /** The try at a round that the server has asked for. */
  readonly round: MaskedRound
}

/** A fold that is given vectors under masks, and learns their sum. */
export class SealedFold implements Fold {
  #seconds = 0
  readonly #rule: MaskedRule
  readonly #base: Weights
  readonly #pool: WeightPool
  #round: MaskedRound | undefined
  #sum: MaskedSum | undefined

  /** @param round with the model that all owners received */
  constructor(rule: MaskedRule, { base }: MergedRound, pool: WeightPool) {
    if (!base) throw new Error('masked sums are of changes, and there is no model that was received')
    this.#rule = rule
    this.#base = base
    this.#pool = pool
  }

  get seconds(): number {
    return this.#seconds
  }

  add({ owner, sealed }: Handed): void {
    const began = performance.now()
    if (!sealed) throw new Error(`owner ${owner} handed in an update without masks`)
    this.#round ??= sealed.round
    this.#sum ??= new MaskedSum(this.#round, wordsOf(this.#base))
    this.#sum.add(owner, sealed)
    this.#seconds += (performance.now() - began) / 1000
  }

  finish(unmasking?: Unmasking): Folded {
    if (!this.#round || !this.#sum) throw noOwners()
    const owners = this.#sum.owners
    const unit = unitOf(this.#rule, this.#round, owners)
    const sum = this.#sum.finish(unmasking)
    let from = 0
    const model = [...this.#base].map(([name, { shape, data: base }]): [string, Tensor] => {
      const data = this.#pool.floats(base.length)
      for (let i = 0; i < data.length; i++) data[i] = base[i]! + unit * sum[from + i]!
      from += data.length
      return [name, { shape, data }]
    })
    // How far single owners went, or lie apart, is nobody's to know.
    return { models: [new Map(model)], drift: {}, owners: owners.length, sent: {}, meanSquare: undefined }
  }
}

/** Words that stand for a model's values. */
export const wordsOf = (model: Weights): number => [...model.values()].reduce((sum, { data }) => sum + data.length, 0)
