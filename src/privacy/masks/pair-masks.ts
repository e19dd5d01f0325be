import type { KeyObject } from 'node:crypto'
import { sharedSecret } from './curve.ts'
import { addMask, derivedKey } from './keystream.ts'
import { idOf, type MaskedRound } from './masked-round.ts'
import { ringOf } from './ring.ts'
import type { VerifiedKeys } from './signed-key.ts'

/** Who masks, with whom, and for what. */
export interface Pairs {
  readonly round: MaskedRound
  readonly owner: number
  /** Of the owner, X25519. */
  readonly secret: KeyObject
  /** Of those with whom it has masks in common. */
  readonly keys: VerifiedKeys
}

/**
 * y_i = q_i + Σ_{j>i} m_ij - Σ_{j<i} m_ij in the ring of the round, where m_ij is the mask that owners i and j have in common: in the
 * sum over all owners each comes once with either sign (Bonawitz et al. 2017, doi:10.1145/3133956.3133982, section 4).
 * @param words q_i, which become y_i
 */
export function addPairMasks(words: Uint32Array, { round, owner, secret, keys }: Pairs): void {
  const id = idOf(round)
  for (const [other, { public: key }] of keys) {
    if (other === owner) continue
    const pair = derivedKey(sharedSecret(secret, key), pairText(id, owner, other))
    addMask(words, pair, other > owner ? 1 : -1, ringOf(round))
  }
}

const pairText = (id: string, one: number, other: number) =>
  JSON.stringify(['pair mask', id, Math.min(one, other), Math.max(one, other)])
