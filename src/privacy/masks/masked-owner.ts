import type { KeyObject } from 'node:crypto'
import { FedunifyError } from '../../errors.ts'
import type { Randomness } from '../randomness.ts'
import { KEY_BYTES, rawPublic, secretKey } from './curve.ts'
import type { JoinedRounds } from './joined-rounds.ts'
import { idOf, type MaskedRound } from './masked-round.ts'
import { addPairMasks } from './pair-masks.ts'
import { type Identities, type SignedKey, signKey, verifiedKeys } from './signed-key.ts'

/** Who an owner is, and by what it knows the others. */
export interface MaskedIdentity {
  readonly owner: number
  /** Its own, Ed25519. */
  readonly identity: KeyObject
  /** Those of all owners. */
  readonly identities: Identities
  readonly joined: JoinedRounds
}

/** A vector of words under masks, and the try at a round that it is of. */
export interface Masked {
  /** As `idOf` gives it. */
  readonly id: string
  readonly words: Uint32Array
}

/** An owner's part in one try at a round: a key of its own, then its vector under the masks of all pairs. */
export class MaskedOwner {
  readonly #who: MaskedIdentity
  readonly #round: MaskedRound
  #secret: KeyObject | undefined
  /** For the others. */
  readonly key: SignedKey

  /**
   * @param random where its secret comes from
   * @throws FedunifyError (training) if it must not join (JoinedRounds)
   */
  constructor(who: MaskedIdentity, round: MaskedRound, random: Randomness) {
    who.joined.join(round)
    this.#who = who
    this.#round = round
    this.#secret = secretKey('x25519', random.bytes(KEY_BYTES))
    this.key = signKey(round, who.owner, rawPublic(this.#secret), who.identity)
  }

  /**
   * Masks a vector, in its own memory. It can be done once: what two vectors under the same masks differ by is plain.
   * @param keys of all owners of the round
   * @throws FedunifyError (data) as `verifiedKeys` does
   */
  seal(words: Uint32Array, keys: readonly SignedKey[]): Masked {
    const [secret, round] = [this.#secret, this.#round]
    const { owner, identities } = this.#who
    if (!secret) throw new Error(`owner ${owner} has masked its update of round ${round.round} already`)
    const verified = verifiedKeys(round, keys, identities)
    const own = Buffer.from(verified.get(owner)!).toString('base64')
    if (own !== this.key.key) {
      const message = `round ${round.round}: owner ${owner} was sent a key as its own that it did not make`
      throw new FedunifyError('E_PROTOCOL', message, 'it is of another process of the same owner: start the round anew')
    }
    this.#secret = undefined
    addPairMasks(words, { round, owner, secret, keys: verified })
    return { id: idOf(round), words }
  }
}
