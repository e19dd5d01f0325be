import { FedunifyError } from '../errors.ts'
import type { SealedShares } from '../privacy/masks/dropouts/sealed-shares.ts'
import type { SignedSurvivors } from '../privacy/masks/dropouts/survivors.ts'
import type { OpenedShare } from '../privacy/masks/dropouts/tolerant-owner.ts'
import { type Unmasking, unmaskingOf } from '../privacy/masks/dropouts/unmasking.ts'
import type { Before } from '../privacy/masks/joined-rounds.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import { type Identities, type SignedKey, verifiedKeys } from '../privacy/masks/signed-key.ts'
import { sizeOf } from './disclosure.ts'
import type { MaskedTask } from './sum-member.ts'

/** An owner of a masked sum, as the server asks it. */
export interface MaskedParty {
  readonly owner: number
  /** That it trains on. */
  readonly images: number
  /** Asked first of all: whether it is there. */
  before(round: number): Promise<Before | undefined>
  join(round: MaskedRound): Promise<SignedKey>
  /** With a threshold. */
  share(round: MaskedRound, keys: readonly SignedKey[]): Promise<readonly SealedShares[]>
  sign(round: MaskedRound, survivors: readonly number[]): Promise<SignedSurvivors>
  open(round: MaskedRound, signed: readonly SignedSurvivors[]): Promise<readonly OpenedShare[]>
}

/** Told of what an owner sends, and of how many bytes it is sent. */
export interface MaskTraffic {
  sent(owner: number, kind: 'key' | 'share', message: object): void
  received(owner: number, bytes: number): void
}

/** A try at a round that its owners have joined. */
export interface UnderWay {
  readonly round: MaskedRound
  /** Those that are to hand in: all of the list, unless an earlier try was unmasked for some of them. */
  readonly training: readonly number[]
  /** How many of these must stay. */
  readonly least: number
  /** What an owner is given before it hands in. */
  taskOf(owner: number): MaskedTask
  /** Once the updates of the survivors are there: what unmasks their sum, if anything is needed for it. */
  unmasking(survivors: readonly number[]): Promise<Unmasking | undefined>
}

/** Those of the answers that count, of which there must be so many. */
type Those = <T>(asked: readonly Promise<T>[], least: number) => Promise<readonly T[]>

interface Asked {
  /** Of one run, and no other of these owners. */
  readonly run: string
  readonly threshold: number | undefined
  readonly identities: Identities
  /** What is summed; undefined: updates. */
  readonly of?: MaskedRound['of']
  /** If owners may be absent; default: all count. */
  readonly those?: Those
}

const all: Those = (asked) => Promise.all(asked)

/** The server's part in masked sums: it says who takes part, and carries what they tell each other. */
export class MaskedRounds {
  readonly #asked: Asked

  constructor(asked: Asked) {
    this.#asked = asked
  }

  /**
   * Has owners join a round: those that are there, if a threshold of them is enough, else all. A round that they have
   * joined before is tried again with the same owners.
   * @throws FedunifyError (training) if they have joined it with different ones
   */
  async begin(round: number, parties: readonly MaskedParty[], traffic: MaskTraffic): Promise<UnderWay> {
    const { run, threshold, identities, of, those = all } = this.#asked
    const asked = parties.map(async (party) => ({ party, before: await party.before(round) }))
    const there = await those(asked, threshold ?? parties.length)
    const earlier = there.flatMap(({ before }) => (before ? [before] : []))
    const listed = same(round, earlier.map(({ owners }) => owners)) // biome-ignore format: one line
    const opened = same(round, earlier.flatMap((before) => (before.opened ? [before.opened] : []))) // biome-ignore format: one line
    const here = there.map(({ party }) => party)
    const list = listed ? parties.filter(({ owner }) => listed.includes(owner)) : here
    const masked: MaskedRound = {
      run,
      round,
      attempt: Math.max(-1, ...earlier.map(({ attempt }) => attempt)) + 1,
      owners: list.map(({ owner, images }) => ({ owner, images })),
      ...(threshold !== undefined && { threshold }),
      ...(of && { of }),
    }
    const keys = await Promise.all(list.map((party) => party.join(masked)))
    const size = keys.reduce((sum, key) => sum + sizeOf(key), 0)
    for (const key of keys) {
      traffic.sent(key.owner, 'key', key)
      traffic.received(key.owner, size)
    }
    const training = opened ?? list.map(({ owner }) => owner)
    // A sum that was unmasked before is unmasked again for the very same owners, or not at all.
    const least = opened || threshold === undefined ? training.length : threshold
    const verified = verifiedKeys(masked, keys, identities)
    if (threshold === undefined) {
      return { round: masked, training, least, taskOf: () => ({ keys }), unmasking: async () => undefined }
    }
    const shares = await exchange(masked, list, keys, traffic)
    return {
      round: masked,
      training,
      least,
      taskOf: (owner) => ({ keys, shares: shares.filter(({ to }) => to === owner) }),
      async unmasking(survivors) {
        const staying = list.filter(({ owner }) => survivors.includes(owner))
        const signing = staying.map(async (party) => {
          traffic.received(party.owner, sizeOf(survivors))
          const signature = await party.sign(masked, survivors)
          traffic.sent(party.owner, 'share', signature)
          return signature
        })
        const signed = await those(signing, threshold)
        const opening = staying.filter(({ owner }) => signed.some((one) => one.owner === owner))
        const given = opening.map(async (party) => {
          traffic.received(party.owner, sizeOf(signed))
          const shares = await party.open(masked, signed)
          traffic.sent(party.owner, 'share', { shares })
          return [party.owner, shares] as const
        })
        return await unmaskingOf(masked, verified, survivors, new Map(await those(given, threshold)))
      },
    }
  }
}

/** Each owner gives the others shares of its secrets, which the server cannot read. */
async function exchange(
  round: MaskedRound,
  parties: readonly MaskedParty[],
  keys: readonly SignedKey[],
  traffic: MaskTraffic,
): Promise<SealedShares[]> {
  const shares = (await Promise.all(parties.map((party) => party.share(round, keys)))).flat()
  for (const share of shares) {
    traffic.sent(share.from, 'share', share)
    traffic.received(share.to, sizeOf(share))
  }
  return shares
}

/** The list that all have in common who have one. */
function same(round: number, lists: readonly (readonly number[])[]): readonly number[] | undefined {
  const [first, ...others] = lists
  if (others.every((one) => one.join() === first!.join())) return first
  const message = `round ${round}: its owners have joined it in different lists, so it cannot be done again`
  throw new FedunifyError('E_OWNER_REFUSED', message, 'every finished round is kept: start a new run', { round })
}
