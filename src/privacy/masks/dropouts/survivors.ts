import { type KeyObject, sign, verify } from 'node:crypto'
import { idOf, type MaskedRound } from '../masked-round.ts'
import { base64Of, bytesOf, type Identities } from '../signed-key.ts'

/** That an owner takes part in unmasking the sum of these owners, and of no others. */
export interface SignedSurvivors {
  readonly owner: number
  /** Ed25519 over the round and the list; base64. */
  readonly signature: string
}

const signedText = (round: MaskedRound, survivors: readonly number[]) =>
  Buffer.from(JSON.stringify(['survivors', idOf(round), survivors]))

export const signSurvivors = (
  round: MaskedRound,
  survivors: readonly number[],
  owner: number,
  identity: KeyObject,
): SignedSurvivors => ({ owner, signature: base64Of(sign(null, signedText(round, survivors), identity)) })

/** Why a list is none of owners that may be unmasked, if so. */
export function unsoundSurvivors({ owners, threshold }: MaskedRound, survivors: readonly number[]): string | undefined {
  const listed = owners.filter(({ owner }) => survivors.includes(owner)).map(({ owner }) => owner)
  if (listed.join() !== survivors.join()) return 'is no part of the list of owners in its order'
  return survivors.length < threshold!
    ? `has ${survivors.length} owners, fewer than the threshold ${threshold}`
    : undefined
}

/**
 * Why signatures do not stand for a list, if so. The threshold suffices, for an owner may be lost before it signs: any two
 * majorities have an owner in common, and an owner signs one list.
 */
export function unsoundSignatures(
  round: MaskedRound,
  survivors: readonly number[],
  signed: readonly SignedSurvivors[],
  identities: Identities,
): string | undefined {
  const text = signedText(round, survivors)
  const wrong = signed.find(({ owner, signature }) => {
    const identity = identities.get(owner)
    return !survivors.includes(owner) || !identity || !verify(null, text, identity, bytesOf(signature))
  })
  if (wrong) return `owner ${wrong.owner} has not signed that these owners survived`
  const by = new Set(signed.map(({ owner }) => owner)).size
  return by < round.threshold! ? `${by} owners have signed who survived, fewer than the threshold` : undefined
}
