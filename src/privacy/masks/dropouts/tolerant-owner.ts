import type { KeyObject } from 'node:crypto'
import { FedunifyError } from '../../../errors.ts'
import type { Randomness } from '../../randomness.ts'
import { KEY_BYTES, publicKey, rawPublic, secretKey } from '../curve.ts'
import { addMask } from '../keystream.ts'
import { checkedKeys, type Masked, type MaskedIdentity } from '../masked-owner.ts'
import { idOf, type MaskedRound } from '../masked-round.ts'
import { addPairMasks } from '../pair-masks.ts'
import { ringOf } from '../ring.ts'
import { base64Of, bytesOf, type SignedKey, signKey, type VerifiedKeys } from '../signed-key.ts'
import { ownMaskKey } from './own-mask.ts'
import { openShares, type SealedShares, type Shares, sealShares } from './sealed-shares.ts'
import { hashOf, sharesOf } from './secret-shares.ts'
import { type SignedSurvivors, signSurvivors, unsoundSignatures, unsoundSurvivors } from './survivors.ts'

/** A share that an owner hands out to unmask a sum. */
export interface OpenedShare {
  /** Whose secret it is of: the seed of an owner that survived, the key of one that did not. */
  readonly of: number
  /** Base64. */
  readonly share: string
}

/**
 * An owner's part in one try at a round from which others may be lost (Bonawitz et al. 2017, figure 4): its vector has a
 * mask of its own beside those of the pairs. Of an owner that survived the others give shares of the seed of its own
 * mask, of one that was lost shares of its key for the pairs; never both, so its vector stays masked if a server only says
 * that it was lost.
 */
export class TolerantOwner {
  readonly #who: MaskedIdentity
  readonly #round: MaskedRound
  readonly #secret: Uint8Array
  readonly #seed: Uint8Array
  readonly #box: KeyObject
  #keys: VerifiedKeys | undefined
  /** What the others have given it, by owner; its own among them. */
  readonly #held = new Map<number, Shares>()
  #survivors: readonly number[] | undefined
  readonly key: SignedKey

  /** @throws FedunifyError (training) if it must not join (JoinedRounds) */
  constructor(who: MaskedIdentity, round: MaskedRound, random: Randomness) {
    who.joined.join(round)
    this.#who = who
    this.#round = round
    this.#secret = random.bytes(KEY_BYTES)
    this.#seed = random.bytes(KEY_BYTES)
    this.#box = secretKey('x25519', random.bytes(KEY_BYTES))
    const key = base64Of(rawPublic(secretKey('x25519', this.#secret)))
    const parts = { key, box: base64Of(rawPublic(this.#box)), seed: base64Of(hashOf(this.#seed)) }
    this.key = signKey(round, who.owner, parts, who.identity)
  }

  /**
   * Shares of its secrets for each of the others, before anything else.
   * @throws FedunifyError (data) if a key is not right
   */
  async share(keys: readonly SignedKey[]): Promise<SealedShares[]> {
    const round = this.#round
    const { owner: from } = this.#who
    this.#keys = checkedKeys(this.#who, round, keys, this.key)
    const owners = [...this.#keys.keys()]
    const id = idOf(round)
    const ofKey = await sharesOf(this.#secret, owners, round.threshold!)
    const ofSeed = await sharesOf(this.#seed, owners, round.threshold!)
    this.#held.set(from, { key: ofKey.get(from)!, seed: ofSeed.get(from)! })
    return [...this.#keys].flatMap(([to, { box }]) => {
      if (to === from) return []
      const way = { id, from, to, own: this.#box, other: publicKey('x25519', bytesOf(box!)) }
      return sealShares(way, { key: ofKey.get(to)!, seed: ofSeed.get(to)! })
    })
  }

  /**
   * Masks a vector, in its own memory.
   * @param shares those of all others for this owner
   * @throws FedunifyError (data) naming an owner whose shares are missing, or not for this owner and this try at the round
   */
  seal(words: Uint32Array, shares: readonly SealedShares[]): Masked {
    const round = this.#round
    const { owner, joined } = this.#who
    const keys = this.#keys!
    for (const [from, { box }] of keys) if (from !== owner) this.#hold(from, publicKey('x25519', bytesOf(box!)), shares)
    joined.seal(round)
    addPairMasks(words, { round, owner, secret: secretKey('x25519', this.#secret), keys })
    addMask(words, ownMaskKey(round, owner, this.#seed), 1, ringOf(round))
    return { id: idOf(round), words }
  }

  /**
   * Signs who survived, which it does for one list alone.
   * @throws FedunifyError (training) if the list is too short, lacks this owner, or is another one than before, in
   *   whichever attempt
   */
  sign(survivors: readonly number[]): SignedSurvivors {
    const { owner, identity, joined } = this.#who
    const unsound = unsoundSurvivors(this.#round, survivors)
    if (unsound !== undefined) throw this.#refusal(`was sent a list of survivors that ${unsound}`)
    if (!survivors.includes(owner))
      throw this.#refusal('was sent a list of survivors without it, but has sent its update')
    if (this.#survivors && this.#survivors.join() !== survivors.join()) {
      throw this.#refusal('was sent another list of survivors than the one that it has signed')
    }
    joined.assertSame(this.#round, survivors)
    this.#survivors = survivors
    return signSurvivors(this.#round, survivors, owner, identity)
  }

  /**
   * Its shares of what masks the sum of the survivors.
   * @throws FedunifyError (training) if too few have signed that list, or one has signed another
   */
  open(signed: readonly SignedSurvivors[]): OpenedShare[] {
    const survivors = this.#survivors
    if (!survivors) throw this.#refusal('was asked for shares before it has signed who survived')
    const unsound = unsoundSignatures(this.#round, survivors, signed, this.#who.identities)
    if (unsound !== undefined) throw this.#refusal(`was asked for shares, but ${unsound}`)
    this.#who.joined.open(this.#round, survivors)
    return [...this.#held].map(([of, { key, seed }]) => ({ of, share: base64Of(survivors.includes(of) ? seed : key) }))
  }

  #hold(from: number, box: KeyObject, shares: readonly SealedShares[]): void {
    const to = this.#who.owner
    const [sent, ...more] = shares.filter((one) => one.from === from && one.to === to)
    const way = { id: idOf(this.#round), from, to, own: this.#box, other: box }
    const opened = sent && more.length === 0 ? openShares(way, sent) : undefined
    if (!opened) {
      const what = sent ? 'has shares that are not for this owner, this round and this attempt' : 'has sent no shares'
      const message = `round ${this.#round.round}: in the masked sum owner ${from} ${what}`
      throw new FedunifyError('E_PROTOCOL', message, 'nothing was sent: start the round anew', { owner: from })
    }
    this.#held.set(from, opened)
  }

  #refusal(what: string) {
    const place = { owner: this.#who.owner, round: this.#round.round }
    const message = `round ${place.round}: owner ${place.owner} ${what}`
    return new FedunifyError('E_OWNER_REFUSED', message, 'a sum is unmasked once, and of one list of owners', place)
  }
}
