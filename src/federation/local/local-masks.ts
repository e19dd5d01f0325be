import type { SealedShares } from '../../privacy/masks/dropouts/sealed-shares.ts'
import { type Unmasking, unmaskingOf } from '../../privacy/masks/dropouts/unmasking.ts'
import type { MaskedRound } from '../../privacy/masks/masked-round.ts'
import { type Identities, type SignedKey, verifiedKeys } from '../../privacy/masks/signed-key.ts'
import { sizeOf } from '../disclosure.ts'
import type { Owner } from '../owner.ts'
import type { MaskedTask, OwnerMasks } from '../owner-masks.ts'

/** Told of what an owner would send, and of how many bytes it would be sent. */
export interface MaskTraffic {
  sent(owner: number, kind: 'key' | 'share', message: object): void
  received(owner: number, bytes: number): void
}

/** A round under masks, as the server carries it out. */
export interface LocalMaskedRound {
  /** What an owner is given before it trains. */
  taskOf(owner: number): MaskedTask
  /** Once all updates are there: what unmasks their sum, if anything is needed for it. */
  unmasking(): Promise<Unmasking | undefined>
}

interface Asked {
  /** Of this process: one that resumes a run has another, so that no mask is used twice. */
  readonly run: string
  readonly threshold: number | undefined
  readonly identities: Identities
}

/** The server's part in masked sums of owners in this process: it says who takes part, and carries what they tell each other. */
export class LocalMasks {
  readonly #asked: Asked
  readonly #attempts = new Map<number, number>()

  constructor(asked: Asked) {
    this.#asked = asked
  }

  /** All owners of a round join it. */
  async begin(round: number, owners: readonly Owner[], traffic: MaskTraffic): Promise<LocalMaskedRound> {
    const { run, threshold, identities } = this.#asked
    const attempt = this.#attempts.get(round) ?? 0
    this.#attempts.set(round, attempt + 1)
    const list = owners.map(({ card: { owner, trainImages } }) => ({ owner, images: trainImages }))
    const masked: MaskedRound = { run, round, attempt, owners: list, ...(threshold !== undefined && { threshold }) }
    const parties = owners.map(({ card: { owner }, masks }) => ({ owner, masks: masks! }))
    const keys = parties.map(({ masks }) => masks.join(masked))
    const all = keys.reduce((sum, key) => sum + sizeOf(key), 0)
    for (const key of keys) {
      traffic.sent(key.owner, 'key', key)
      traffic.received(key.owner, all)
    }
    if (threshold === undefined) return { taskOf: () => ({ keys }), unmasking: async () => undefined }
    const shares = await exchange(parties, keys, traffic)
    return {
      taskOf: (owner) => ({ keys, shares: shares.filter(({ to }) => to === owner) }),
      async unmasking() {
        const survivors = parties.map(({ owner }) => owner)
        const signed = parties.map(({ owner, masks }) => {
          const signature = masks.sign(survivors)
          traffic.received(owner, sizeOf(survivors))
          traffic.sent(owner, 'share', signature)
          return signature
        })
        const opened = parties.map(({ owner, masks }) => {
          const given = masks.open(signed)
          traffic.received(owner, sizeOf(signed))
          traffic.sent(owner, 'share', { shares: given })
          return [owner, given] as const
        })
        return await unmaskingOf(masked, verifiedKeys(masked, keys, identities), survivors, new Map(opened))
      },
    }
  }
}

interface Party {
  readonly owner: number
  readonly masks: OwnerMasks
}

/** Each owner gives the others shares of its secrets, which the server cannot read. */
async function exchange(
  parties: readonly Party[],
  keys: readonly SignedKey[],
  traffic: MaskTraffic,
): Promise<SealedShares[]> {
  const shares = (await Promise.all(parties.map(({ masks }) => masks.share(keys)))).flat()
  for (const share of shares) {
    traffic.sent(share.from, 'share', share)
    traffic.received(share.to, sizeOf(share))
  }
  return shares
}
