import type { KeyObject } from 'node:crypto'
import { FedunifyError } from '../../errors.ts'
import type { Randomness } from '../randomness.ts'
import { KEY_BYTES, rawPublic, secretKey } from './curve.ts'
import type { JoinedRounds } from './joined-rounds.ts'
import { idOf, type MaskedRound } from './masked-round.ts'
import { addPairMasks } from './pair-masks.ts'
import { base64Of, type Identities, type SignedKey, signKey, type VerifiedKeys, verifiedKeys } from './signed-key.ts'

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

/** An owner's part in one try at a round of which nobody may be missing: a key, then its vector under the masks of all pairs. */
export class MaskedOwner {
  readonly #who: MaskedIdentity
  readonly #round: MaskedRound
  readonly #secret: KeyObject
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
    this.key = signKey(round, who.owner, { key: base64Of(rawPublic(this.#secret)) }, who.identity)
  }

  /**
   * Masks a vector, in its own memory. It can be done once: what two vectors under the same masks differ by is plain.
   * @param keys of all owners of the round
   * @throws FedunifyError (data) as `verifiedKeys` does
   */
  seal(words: Uint32Array, keys: readonly SignedKey[]): Masked {
    const round = this.#round
    const { owner, joined } = this.#who
    const verified = checkedKeys(this.#who, round, keys, this.key)
    joined.seal(round)
    addPairMasks(words, { round, owner, secret: this.#secret, keys: verified })
    return { id: idOf(round), words }
  }
}

/**
 * The keys of a round, among them the one that the owner itself has made.
 * @throws FedunifyError (data) if they are not right
 */
export function checkedKeys(
  { owner, identities }: MaskedIdentity,
  round: MaskedRound,
  keys: readonly SignedKey[],
  own: SignedKey,
): VerifiedKeys {
  const verified = verifiedKeys(round, keys, identities)
  if (verified.get(owner)!.key === own.key) return verified
  const message = `round ${round.round}: owner ${owner} was sent a key as its own that it did not make`
  throw new FedunifyError('E_PROTOCOL', message, 'it is of another process of the same owner: start the round anew')
}
