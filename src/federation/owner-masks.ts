import type { SumPlan } from '../algorithm/masked-plan.ts'
import { type Sealed, wordsOf } from '../algorithm/sealed-fold.ts'
import { FedunifyError } from '../errors.ts'
import { toFixed } from '../privacy/masks/fixed-point.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import type { Weights } from '../weights/weights.ts'
import { type MaskedTask, SumMember, type SumSettings } from './sum-member.ts'

/** By what an owner masks its updates. */
export interface MaskSettings extends SumSettings {
  /** What its update counts for in a round, and in which levels. */
  plan(round: MaskedRound): SumPlan
}

/** What an owner does so that its update leaves it under masks alone. */
export class OwnerMasks extends SumMember {
  readonly #settings: MaskSettings
  readonly #name: string

  constructor(settings: MaskSettings, name: string) {
    super(settings)
    this.#settings = settings
    this.#name = name
  }

  /**
   * Its change of a round, times its share, in whole numbers and under masks.
   * @throws FedunifyError (training) naming the tensor and the value that is beyond the range; (data) if a key is not right
   */
  seal(received: Weights, trained: Weights, task: MaskedTask): Sealed {
    return this.sealWords((round) => this.#levels(received, trained, round), task)
  }

  #levels(received: Weights, trained: Weights, round: MaskedRound): Uint32Array {
    const { who, plan } = this.#settings
    const { point, factors } = plan(round)
    const factor = factors.get(who.owner)!
    const words = new Uint32Array(wordsOf(received))
    let from = 0
    for (const [tensor, { data: before }] of received) {
      const { data: after } = trained.get(tensor)!
      const changes = new Float64Array(before.length)
      for (let i = 0; i < changes.length; i++) changes[i] = factor * (after[i]! - before[i]!)
      const beyond = toFixed(changes, words.subarray(from, from + changes.length), point)
      if (beyond > 0) throw this.#beyond(round.round, tensor, changes, (2 ** (point.bits - 1) - 1) / point.scale)
      from += changes.length
    }
    return words
  }

  #beyond(round: number, tensor: string, changes: Float64Array, range: number) {
    const place = { owner: this.#settings.who.owner, round, tensor }
    const broken = changes.find((one) => !Number.isFinite(one))
    const worst = changes.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0)
    const where = `${this.#name}, round ${round}: ${tensor}`
    if (broken !== undefined) return new FedunifyError('E_DIVERGED', `${where} became ${broken}`, 'lower the lr', place)
    const message = `${where} changes by ${worst.toPrecision(4)}, but masked sums hold ${range} at most; nothing was sent`
    const enough = 2 ** Math.ceil(Math.log2(Math.abs(worst)) + 1)
    return new FedunifyError('E_UPDATE', message, `set privacy.masks.range to ${enough}, or lower the lr`, place)
  }
}
