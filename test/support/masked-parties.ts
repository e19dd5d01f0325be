import type { KeyObject } from 'node:crypto'
import { publicKey, rawPublic, secretKey } from '../../src/privacy/masks/curve.ts'
import { JoinedRounds } from '../../src/privacy/masks/joined-rounds.ts'
import { type Masked, type MaskedIdentity, MaskedOwner } from '../../src/privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../../src/privacy/masks/masked-round.ts'
import { seededRandom } from '../../src/privacy/randomness.ts'

/** The first try at round 1 of owners 1, 2, … with ten images each. */
export const maskedRound = (owners: number, given: Partial<MaskedRound> = {}): MaskedRound => ({
  run: 'run',
  round: 1,
  attempt: 0,
  owners: Array.from({ length: owners }, (_, i) => ({ owner: i + 1, images: 10 })),
  ...given,
})

const identityOf = (owner: number): KeyObject => secretKey('ed25519', seededRandom(1, 'identity', owner).bytes(32))

/** Owners that know each other's long-term keys. */
export function parties(count: number): MaskedIdentity[] {
  const secrets = Array.from({ length: count }, (_, i) => identityOf(i + 1))
  const identities = new Map(secrets.map((secret, i) => [i + 1, publicKey('ed25519', rawPublic(secret))]))
  return secrets.map((identity, i) => ({ owner: i + 1, identity, identities, joined: new JoinedRounds(i + 1) }))
}

/** Owners that have joined a round. */
export const joining = (who: readonly MaskedIdentity[], round: MaskedRound, seed = 1): MaskedOwner[] =>
  who.map((one) => new MaskedOwner(one, round, seededRandom(seed, one.owner)))

/** Their vectors under masks. */
export function sealed(round: MaskedRound, vectors: readonly (readonly number[])[], seed?: number): Masked[] {
  const owners = joining(parties(vectors.length), round, seed)
  const keys = owners.map(({ key }) => key)
  return owners.map((owner, i) => owner.seal(Uint32Array.from(vectors[i]!), keys))
}
