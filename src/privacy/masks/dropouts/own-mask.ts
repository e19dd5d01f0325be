import { derivedKey } from '../keystream.ts'
import { idOf, type MaskedRound } from '../masked-round.ts'

/** The key of the mask that an owner has with nobody. */
export const ownMaskKey = (round: MaskedRound, owner: number, seed: Uint8Array): Uint8Array =>
  derivedKey(seed, JSON.stringify(['own mask', idOf(round), owner]))
