import { join } from 'node:path'
import type { Reply } from '../../src/federation/nats/wire.ts'
import { readOwnerFolder } from '../../src/federation/setup/folders.ts'
import { signingKey } from '../../src/federation/setup/keys.ts'
import { readOwnerKeys } from '../../src/federation/setup/owner-keys.ts'
import { TolerantOwner } from '../../src/privacy/masks/dropouts/tolerant-owner.ts'
import { JoinedRounds } from '../../src/privacy/masks/joined-rounds.ts'
import { type MaskedIdentity, MaskedOwner } from '../../src/privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../../src/privacy/masks/masked-round.ts'
import type { SignedKey } from '../../src/privacy/masks/signed-key.ts'
import { systemRandom } from '../../src/privacy/randomness.ts'
import type { Weights } from '../../src/weights/weights.ts'
import type { EvilServer } from './evil-server.ts'

/** Owners other than the first, in this process, with the keys of their folders. */
export async function otherOwners(federation: string, names: readonly string[]): Promise<MaskedIdentity[]> {
  const of = async (name: string): Promise<MaskedIdentity> => {
    const dir = join(federation, 'owners', name)
    const folder = await readOwnerFolder(dir)
    const { owner, seed } = folder
    const identities = await readOwnerKeys(dir, folder)
    return { owner, identity: signingKey(seed), identities, joined: new JoinedRounds(owner) }
  }
  return await Promise.all(names.map(of))
}

export const joinedBy = (who: readonly MaskedIdentity[], round: MaskedRound): MaskedOwner[] =>
  who.map((one) => new MaskedOwner(one, round, systemRandom()))

export const tolerantBy = (who: readonly MaskedIdentity[], round: MaskedRound): TolerantOwner[] =>
  who.map((one) => new TolerantOwner(one, round, systemRandom()))

/** What a server asks owner 1 for masked sums. */
export class MaskedPlot {
  readonly #server: EvilServer
  readonly #run: string

  constructor(server: EvilServer, run: string) {
    this.#server = server
    this.#run = run
  }

  ask(more: object): Promise<Reply> {
    return this.#server.ask(this.#run, { committed: 0, ...more })
  }

  join({ round, attempt, owners, threshold, of }: MaskedRound): Promise<Reply> {
    return this.ask({ what: 'mask-join', round, attempt, owners, threshold: threshold ?? null, ...(of && { of }) })
  }

  /** Joins, and takes the key that it is told. */
  async key(round: MaskedRound): Promise<SignedKey> {
    const reply = await this.join(round)
    if (reply.what !== 'mask-key') throw new Error(JSON.stringify(reply))
    const { key, box, seed, signature } = reply
    return { owner: 1, key, ...(box !== undefined && { box, seed }), signature }
  }

  async train(round: number, weights: Weights, masked: object | undefined): Promise<Reply> {
    const model = await this.#server.put(this.#run, weights)
    const task = { what: 'train', round, attempt: 0, lr: 0.05, model, instruction: null }
    return await this.ask({ ...task, evaluate: false, evaluate_received: false, ...(masked && { masked }) })
  }
}
