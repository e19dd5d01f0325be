import type { KeyObject } from 'node:crypto'
import { sharedSecret } from './curve.ts'
import { addMask, derivedKey } from './keystream.ts'
import { type MaskedRound, textOf } from './masked-round.ts'

/** Who masks, with whom, and for what. */
export interface Pairs {
  readonly round: MaskedRound
  readonly owner: number
  /** Of the owner, X25519. */
  readonly secret: KeyObject
  /** Of all owners, or of those with whom it has masks in common; 32 bytes, by owner. */
  readonly keys: ReadonlyMap<number, Uint8Array>
}

/**
 * y_i = q_i + Σ_{j>i} m_ij - Σ_{j<i} m_ij modulo 2^32, where m_ij is the mask that owners i and j have in common: in the
 * sum over all owners each comes once with either sign (Bonawitz et al. 2017, doi:10.1145/3133956.3133982, section 4).
 * @param words q_i, which become y_i
 */
export function addPairMasks(words: Uint32Array, { round, owner, secret, keys }: Pairs, sign: 1 | -1 = 1): void {
  for (const [other, key] of keys) {
    if (other === owner) continue
    const pair = derivedKey(sharedSecret(secret, key), pairText(round, owner, other))
    addMask(words, pair, other > owner ? sign : sign === 1 ? -1 : 1)
  }
}

const pairText = (round: MaskedRound, one: number, other: number) =>
  JSON.stringify(['pair mask', textOf(round), Math.min(one, other), Math.max(one, other)])
