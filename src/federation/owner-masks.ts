import type { SumPlan } from '../algorithm/masked-plan.ts'
import { type Sealed, wordsOf } from '../algorithm/sealed-fold.ts'
import { FedunifyError } from '../errors.ts'
import type { SealedShares } from '../privacy/masks/dropouts/sealed-shares.ts'
import type { SignedSurvivors } from '../privacy/masks/dropouts/survivors.ts'
import { type OpenedShare, TolerantOwner } from '../privacy/masks/dropouts/tolerant-owner.ts'
import { toFixed } from '../privacy/masks/fixed-point.ts'
import type { Before } from '../privacy/masks/joined-rounds.ts'
import { type MaskedIdentity, MaskedOwner } from '../privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import type { SignedKey } from '../privacy/masks/signed-key.ts'
import type { Randomness } from '../privacy/randomness.ts'
import type { Weights } from '../weights/weights.ts'

/** By what an owner takes part in masked sums. */
export interface MaskSettings {
  readonly who: MaskedIdentity
  /** What its update counts for in a round, and in which levels. */
  plan(round: MaskedRound): SumPlan
  /** Owners that must stay to the end of a round; undefined: all. */
  readonly threshold: number | undefined
  /** Where its secrets of a round come from. */
  random(round: MaskedRound): Randomness
}

/** What an owner is given with a round's task, after it has joined the round. */
export interface MaskedTask {
  /** Of all owners of the round. */
  readonly keys: readonly SignedKey[]
  /** With a threshold: the others' shares for this owner. */
  readonly shares?: readonly SealedShares[] | undefined
}

/** What an owner does so that its update leaves it under masks alone. */
export class OwnerMasks {
  readonly #settings: MaskSettings
  readonly #name: string
  #joined: { readonly round: MaskedRound; readonly masked: MaskedOwner | TolerantOwner } | undefined

  constructor(settings: MaskSettings, name: string) {
    this.#settings = settings
    this.#name = name
  }

  before = (round: number): Before | undefined => this.#settings.who.joined.before(round)

  /**
   * Joins a try at a round, before it is asked to train.
   * @returns its key, for the others
   * @throws FedunifyError (training) if it must not join
   */
  join(round: MaskedRound): SignedKey {
    const { who, random, threshold } = this.#settings
    if (round.threshold !== threshold) throw new Error(`a threshold of ${round.threshold} was not agreed on`)
    const masked = new (threshold === undefined ? MaskedOwner : TolerantOwner)(who, round, random(round))
    this.#joined = { round, masked }
    return masked.key
  }

  /**
   * Its change of a round, times its share, in whole numbers and under masks.
   * @throws FedunifyError (training) naming the tensor and the value that is beyond the range; (data) if a key is not right
   */
  seal(received: Weights, trained: Weights, { keys, shares }: MaskedTask): Sealed {
    const { round, masked } = this.#joined!
    const words = this.#levels(received, trained, round)
    const sealed = masked instanceof MaskedOwner ? masked.seal(words, keys) : masked.seal(words, shares ?? [])
    return { round, ...sealed }
  }

  /** With a threshold: shares of its secrets for the others, before it trains. */
  share = (keys: readonly SignedKey[]): Promise<SealedShares[]> => this.#tolerant.share(keys)

  /** With a threshold: signs whose updates are there. */
  sign = (survivors: readonly number[]): SignedSurvivors => this.#tolerant.sign(survivors)

  /** With a threshold: its shares of what masks their sum. */
  open = (signed: readonly SignedSurvivors[]): OpenedShare[] => this.#tolerant.open(signed)

  get #tolerant(): TolerantOwner {
    const masked = this.#joined?.masked
    if (!(masked instanceof TolerantOwner)) throw new Error('it has joined no round with a threshold')
    return masked
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
