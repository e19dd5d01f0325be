import type { Sealed } from '../algorithm/sealed-fold.ts'
import type { SealedShares } from '../privacy/masks/dropouts/sealed-shares.ts'
import type { SignedSurvivors } from '../privacy/masks/dropouts/survivors.ts'
import { type OpenedShare, TolerantOwner } from '../privacy/masks/dropouts/tolerant-owner.ts'
import type { Before } from '../privacy/masks/joined-rounds.ts'
import { type MaskedIdentity, MaskedOwner } from '../privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import type { SignedKey } from '../privacy/masks/signed-key.ts'
import type { Randomness } from '../privacy/randomness.ts'

/** By what an owner takes part in masked sums of one kind. */
export interface SumSettings {
  /** What it has joined of this kind is remembered there, and of no other. */
  readonly who: MaskedIdentity
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

/** An owner's part in masked sums of one kind, whatever is summed. */
export class SumMember {
  readonly #settings: SumSettings
  #joined: { readonly round: MaskedRound; readonly masked: MaskedOwner | TolerantOwner } | undefined

  constructor(settings: SumSettings) {
    this.#settings = settings
  }

  before = (round: number): Before | undefined => this.#settings.who.joined.before(round)

  /**
   * Joins a try at a round, before it is asked for anything of it.
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
   * Masks what the owner hands in for the round that it has joined.
   * @param wordsFor the round; once masked, they are no longer what they were
   * @throws FedunifyError (data) if a key is not right
   */
  protected sealWords(wordsFor: (round: MaskedRound) => Uint32Array, { keys, shares }: MaskedTask): Sealed {
    const { round, masked } = this.#joined!
    const words = wordsFor(round)
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
}
