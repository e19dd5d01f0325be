import { type KeyObject, sign, verify } from 'node:crypto'
import { FedunifyError } from '../../errors.ts'
import { KEY_BYTES } from './curve.ts'
import { type MaskedRound, textOf } from './masked-round.ts'

/** A public key that an owner made for one try at a round, signed by the owner. */
export interface SignedKey {
  readonly owner: number
  /** X25519, 32 bytes in base64. */
  readonly key: string
  /** Ed25519 over the round with its list of owners, the owner and the key; base64. */
  readonly signature: string
}

/** The keys by which owners are known, for longer than a run: Ed25519, by owner. */
export type Identities = ReadonlyMap<number, KeyObject>

export function signKey(round: MaskedRound, owner: number, key: Uint8Array, identity: KeyObject): SignedKey {
  const signature = sign(null, signedText(round, owner, key), identity).toString('base64')
  return { owner, key: Buffer.from(key).toString('base64'), signature }
}

/**
 * The owners' public keys of a round, by owner, in the order of its list.
 * @throws FedunifyError (data) naming the owner whose key is missing, given twice, or not signed by it for this round,
 *   this try and this list: whoever carries the keys could put in its own
 */
export function verifiedKeys(
  round: MaskedRound,
  keys: readonly SignedKey[],
  identities: Identities,
): ReadonlyMap<number, Uint8Array> {
  const verified = round.owners.map(({ owner }) => {
    const refuse = (what: string) => refusal(round, owner, what)
    const [signed, ...more] = keys.filter((one) => one.owner === owner)
    if (!signed || more.length > 0) throw refuse(signed ? 'has more than one key' : 'has no key')
    const identity = identities.get(owner)
    if (!identity) throw refuse('is not known: nothing tells its signature from another')
    const key = new Uint8Array(Buffer.from(signed.key, 'base64'))
    const right = verify(null, signedText(round, owner, key), identity, Buffer.from(signed.signature, 'base64'))
    if (key.length !== KEY_BYTES || !right) {
      throw refuse('has a key that it did not sign for this round, this attempt and this list of owners')
    }
    return [owner, key] as const
  })
  if (keys.length > verified.length) {
    const other = keys.find((one) => !round.owners.some(({ owner }) => owner === one.owner))!
    throw refusal(round, other.owner, 'has a key, but is not in the list of owners')
  }
  return new Map(verified)
}

const signedText = (round: MaskedRound, owner: number, key: Uint8Array) =>
  Buffer.from(JSON.stringify(['mask key', textOf(round), owner, Buffer.from(key).toString('base64')]))

const refusal = ({ round }: MaskedRound, owner: number, what: string) =>
  new FedunifyError('E_PROTOCOL', `round ${round}: in the masked sum owner ${owner} ${what}`, HINT, { owner, round })

const HINT = 'nothing was sent: someone between the owners may have changed the keys, or they are of another round'
