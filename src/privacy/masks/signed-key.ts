import { type KeyObject, sign, verify } from 'node:crypto'
import { FedunifyError } from '../../errors.ts'
import { KEY_BYTES, publicKey } from './curve.ts'
import { idOf, type MaskedRound } from './masked-round.ts'

/** What an owner makes for one try at a round, and tells all others. */
export interface PublicParts {
  /** For masks: X25519, 32 bytes in base64. */
  readonly key: string
  /** With a threshold: another one for shares, and the SHA-256 of the seed of its own mask, in base64. */
  readonly box?: string | undefined
  readonly seed?: string | undefined
}

/** The same, signed by the owner. */
export interface SignedKey extends PublicParts {
  readonly owner: number
  /** Ed25519 over the round with its list of owners, the owner and the keys; base64. */
  readonly signature: string
}

/** The keys by which owners are known, for longer than a run: Ed25519, by owner. */
export type Identities = ReadonlyMap<number, KeyObject>

export interface VerifiedKey extends SignedKey {
  /** Its key for masks, as the cipher takes it. */
  readonly public: KeyObject
}

/** Of all owners of a round, in the order of its list. */
export type VerifiedKeys = ReadonlyMap<number, VerifiedKey>

/** What was found out of lists of keys: owners of one process are given the same list, of which one answer is enough. */
const known = new WeakMap<readonly SignedKey[], { id: string; identities: Identities; verified: VerifiedKeys }>()

export function signKey(round: MaskedRound, owner: number, parts: PublicParts, identity: KeyObject): SignedKey {
  return { owner, ...parts, signature: sign(null, signedText(idOf(round), owner, parts), identity).toString('base64') }
}

/**
 * The owners' keys of a round.
 * @throws FedunifyError (data) naming the owner whose key is missing, given twice, or not signed by it for this round,
 *   this try and this list: whoever carries the keys could put in its own
 */
export function verifiedKeys(round: MaskedRound, keys: readonly SignedKey[], identities: Identities): VerifiedKeys {
  const id = idOf(round)
  const before = known.get(keys)
  if (before?.id === id && before.identities === identities) return before.verified
  const pairs = round.owners.map(({ owner }) => {
    const refuse = (what: string) => refusal(round, owner, what)
    const [signed, ...more] = keys.filter((one) => one.owner === owner)
    if (!signed || more.length > 0) throw refuse(signed ? 'has more than one key' : 'has no key')
    const identity = identities.get(owner)
    if (!identity) throw refuse('is not known: nothing tells its signature from another')
    const right = verify(null, signedText(id, owner, signed), identity, bytesOf(signed.signature))
    const parts = round.threshold === undefined ? [signed.key] : [signed.key, signed.box, signed.seed]
    const whole = parts.every((part) => part !== undefined && bytesOf(part).length === KEY_BYTES)
    if (!right || !whole) {
      throw refuse('has a key that it did not sign for this round, this attempt and this list of owners')
    }
    return [owner, { ...signed, public: publicKey('x25519', bytesOf(signed.key)) }] as const
  })
  if (keys.length > pairs.length) {
    const other = keys.find((one) => !round.owners.some(({ owner }) => owner === one.owner))!
    throw refusal(round, other.owner, 'has a key, but is not in the list of owners')
  }
  const verified = new Map(pairs)
  known.set(keys, { id, identities, verified })
  return verified
}

export const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'))

export const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const signedText = (id: string, owner: number, { key, box = '', seed = '' }: PublicParts) =>
  Buffer.from(JSON.stringify(['mask key', id, owner, key, box, seed]))

const refusal = ({ round }: MaskedRound, owner: number, what: string) =>
  new FedunifyError('E_PROTOCOL', `round ${round}: in the masked sum owner ${owner} ${what}`, HINT, { owner, round })

const HINT = 'nothing was sent: someone between the owners may have changed the keys, or they are of another round'
