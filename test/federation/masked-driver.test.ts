import { describe, expect, it } from 'vitest'
import { type MaskedParty, MaskedRounds } from '../../src/federation/masked-rounds.ts'
import { TolerantOwner } from '../../src/privacy/masks/dropouts/tolerant-owner.ts'
import type { MaskedIdentity } from '../../src/privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../../src/privacy/masks/masked-round.ts'
import { systemRandom } from '../../src/privacy/randomness.ts'
import { maskedRound, parties } from '../support/masked-parties.ts'

const UNHEARD = { sent: () => {}, received: () => {} }

/** Owners of a threshold, in this process. */
function asked(who: readonly MaskedIdentity[], away: readonly number[] = []): MaskedParty[] {
  return who.map((one) => {
    let own: TolerantOwner | undefined
    return {
      owner: one.owner,
      images: 10,
      before: async (round) => {
        if (away.includes(one.owner)) throw new Error('away')
        return one.joined.before(round)
      },
      join: async (round) => {
        own = new TolerantOwner(one, round, systemRandom())
        return own.key
      },
      share: (_, keys) => own!.share(keys),
      sign: async (_, survivors) => own!.sign(survivors),
      open: async (_, signed) => own!.open(signed),
    }
  })
}

const those = async <T>(all: readonly Promise<T>[]) =>
  (await Promise.allSettled(all)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))

const roundsOf = (who: readonly MaskedIdentity[]) =>
  new MaskedRounds({ run: 'run', threshold: 3, identities: who[0]!.identities, those })

/** What an earlier server has had an owner do. */
const earlier = (who: MaskedIdentity, round: MaskedRound, opened?: readonly number[]) => {
  who.joined.join(round)
  if (opened) who.joined.open(round, opened)
}

describe('a server of masked sums', () => {
  it('begins a round with those that are there', async () => {
    const who = parties(5)
    const under = await roundsOf(who).begin(1, asked(who, [2]), UNHEARD)
    expect(under.round).toEqual(
      maskedRound(5, { threshold: 3, owners: maskedRound(5).owners.filter((_, i) => i !== 1) }),
    )
    expect([under.training, under.least]).toEqual([[1, 3, 4, 5], 3])
    expect(under.taskOf(3).shares!.map(({ from }) => from)).toEqual([1, 4, 5])
  })

  it('goes on with a round that was begun, under the next attempt and with the same owners', async () => {
    const who = parties(5)
    const before = maskedRound(4, { threshold: 3, attempt: 6 })
    earlier(who[0]!, before)
    earlier(who[2]!, { ...before, attempt: 4 })
    const under = await roundsOf(who).begin(1, asked(who), UNHEARD)
    expect(under.round).toEqual({ ...before, attempt: 7 })
    expect([under.training, under.least]).toEqual([[1, 2, 3, 4], 3])
  })

  it('has the sum of a round that was unmasked made again of the very same owners', async () => {
    const who = parties(5)
    earlier(who[0]!, maskedRound(5, { threshold: 3 }), [1, 2, 5])
    const under = await roundsOf(who).begin(1, asked(who), UNHEARD)
    expect([under.round.attempt, under.round.owners.length]).toEqual([1, 5])
    expect([under.training, under.least]).toEqual([[1, 2, 5], 3])
    await expect(under.unmasking([1, 2, 3, 5])).rejects.toThrow('the sum cannot be unmasked')
  })

  it('does not begin one that owners have joined in different lists', async () => {
    const who = parties(5)
    earlier(who[0]!, maskedRound(5, { threshold: 3 }))
    earlier(who[1]!, maskedRound(4, { threshold: 3 }))
    await expect(roundsOf(who).begin(1, asked(who), UNHEARD)).rejects.toThrow(
      'round 1: its owners have joined it in different lists, so it cannot be done again',
    )
  })
})
