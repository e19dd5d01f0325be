import { describe, expect, it } from 'vitest'
import type { SealedShares } from '../../../../src/privacy/masks/dropouts/sealed-shares.ts'
import { hashOf, secretOf, sharesOf } from '../../../../src/privacy/masks/dropouts/secret-shares.ts'
import { type OpenedShare, TolerantOwner } from '../../../../src/privacy/masks/dropouts/tolerant-owner.ts'
import { unmaskingOf } from '../../../../src/privacy/masks/dropouts/unmasking.ts'
import { JoinedRounds } from '../../../../src/privacy/masks/joined-rounds.ts'
import type { Masked, MaskedIdentity } from '../../../../src/privacy/masks/masked-owner.ts'
import type { MaskedRound } from '../../../../src/privacy/masks/masked-round.ts'
import { MaskedSum } from '../../../../src/privacy/masks/masked-sum.ts'
import { type SignedKey, verifiedKeys } from '../../../../src/privacy/masks/signed-key.ts'
import { seededRandom } from '../../../../src/privacy/randomness.ts'
import { maskedRound, parties } from '../../../support/masked-parties.ts'

const VECTORS = [[1, -2, 3], [10, 20, 30], [100, -200, 300], [1000, 2000, 3000], [10_000, 20_000, 30_000]] // biome-ignore format: one line
/** Three of five must stay. */
const ROUND = maskedRound(5, { threshold: 3 })

const join = (who: readonly MaskedIdentity[], round: MaskedRound) =>
  who.map((one) => new TolerantOwner(one, round, seededRandom(5, one.owner, round.attempt)))

/** Owners that have joined, and given each other shares. */
async function shared(round = ROUND, who = parties(5)) {
  const owners = join(who, round)
  const keys = owners.map(({ key }) => key)
  const shares = (await Promise.all(owners.map((owner) => owner.share(keys)))).flat()
  return { who, owners, keys, shares }
}

const verified = (keys: readonly SignedKey[], round = ROUND) => verifiedKeys(round, keys, parties(5)[0]!.identities)

const of = (shares: readonly SealedShares[], to: number) => shares.filter((one) => one.to === to)

const words = (k: number) => Uint32Array.from(VECTORS[k]!, (value) => value >>> 0)

/** All that survive mask their vectors, and the server unmasks their sum with the help of those that are still there. */
async function sumOf(survivors: readonly number[], there = survivors, round = ROUND) {
  const { owners, keys, shares } = await shared(round)
  const sum = new MaskedSum(round, 3)
  for (const owner of survivors) sum.add(owner, owners[owner - 1]!.seal(words(owner - 1), of(shares, owner)))
  const signed = there.map((owner) => owners[owner - 1]!.sign(survivors))
  const opened = new Map(there.map((owner) => [owner, owners[owner - 1]!.open(signed)]))
  return [...sum.finish(await unmaskingOf(round, verified(keys, round), survivors, opened))]
}

const plain = (survivors: readonly number[]) =>
  [0, 1, 2].map((i) => survivors.reduce((total, owner) => total + VECTORS[owner - 1]![i]!, 0))

describe('a masked sum with a threshold', () => {
  it.each([
    ['all stay', [1, 2, 3, 4, 5]],
    ['one is lost after it has given shares', [1, 2, 4, 5]],
    ['the first and the last are', [2, 3, 4]],
  ])('is that of the survivors if %s', async (_, survivors) => {
    expect(await sumOf(survivors)).toEqual(plain(survivors))
  })

  it('has an owner in it that is lost after it has handed in its vector', async () => {
    expect(await sumOf([1, 2, 3, 4, 5], [1, 4, 5])).toEqual(plain([1, 2, 3, 4, 5]))
    expect(await sumOf([1, 2, 4, 5], [1, 2, 5])).toEqual(plain([1, 2, 4, 5]))
  })

  it('stays masked if fewer than the threshold are there', async () => {
    const { owners, keys, shares } = await shared()
    for (const owner of [1, 2, 3]) owners[owner - 1]!.seal(words(owner - 1), of(shares, owner))
    const signed = [1, 2, 3].map((owner) => owners[owner - 1]!.sign([1, 2, 3]))
    const opened = new Map([1, 2].map((owner) => [owner, owners[owner - 1]!.open(signed)]))
    await expect(unmaskingOf(ROUND, verified(keys), [1, 2, 3], opened)).rejects.toThrow(
      'the sum cannot be unmasked without the seed of the own mask of owner 1: there are fewer than 3 shares of it',
    )
  })

  it('tells a share that is not right by the hash of the secret', async () => {
    const { owners, keys, shares } = await shared()
    for (const owner of [1, 2, 3]) owners[owner - 1]!.seal(words(owner - 1), of(shares, owner))
    const signed = [1, 2, 3].map((owner) => owners[owner - 1]!.sign([1, 2, 3]))
    const opened = new Map<number, OpenedShare[]>([1, 2, 3].map((owner) => [owner, owners[owner - 1]!.open(signed)]))
    // Owner 2 hands out its share of owner 3's seed as one of owner 1's.
    const mine = opened.get(2)!
    const others = mine.filter((one) => one.of !== 1)
    opened.set(2, [{ of: 1, share: mine[2]!.share }, ...others])
    await expect(unmaskingOf(ROUND, verified(keys), [1, 2, 3], opened)).rejects.toThrow('a share of it is not right')
  })

  it('does not lose the mask of an owner that is only said to be lost', async () => {
    const { owners, keys, shares } = await shared()
    const all = owners.map((owner, k) => owner.seal(words(k), of(shares, k + 1)))
    // The server has the vector of owner 3 too.
    const survivors = [1, 2, 4, 5]
    const signed = survivors.map((owner) => owners[owner - 1]!.sign(survivors))
    const opened = new Map(survivors.map((owner) => [owner, owners[owner - 1]!.open(signed)]))
    const sum = new MaskedSum(ROUND, 3)
    for (const owner of survivors) sum.add(owner, all[owner - 1]!)
    const unmasking = await unmaskingOf(ROUND, verified(keys), survivors, opened)
    expect([...sum.finish(unmasking)]).toEqual(plain(survivors))
    // With the masks of its pairs off, its own is still there: no word is plain.
    const taken: Masked = all[2]!
    unmasking.unmask(taken.words)
    expect([...taken.words].filter((word, i) => word === VECTORS[2]![i]! >>> 0)).toEqual([])
    // And those of whom it is asked for give no share of its seed.
    for (const given of opened.values()) expect(given.filter((one) => one.of === 3)).toHaveLength(1)
  })
})

describe('an owner of a sum with a threshold refuses', () => {
  it('a second list of survivors, a shrunken one without it, and one of too few', async () => {
    const { owners, shares } = await shared()
    for (const [k, owner] of owners.entries()) owner.seal(words(k), of(shares, k + 1))
    owners[0]!.sign([1, 2, 3, 4])
    expect(() => owners[0]!.sign([1, 2, 3, 5])).toThrow('owner 1 was sent another list of survivors than the one')
    expect(() => owners[4]!.sign([1, 2, 3, 4])).toThrow('owner 5 was sent a list of survivors without it')
    expect(() => owners[1]!.sign([1, 2])).toThrow('has 2 owners, fewer than the threshold 3')
    expect(() => owners[1]!.sign([1, 2, 6])).toThrow('is no part of the list of owners')
    expect(() => owners[1]!.sign([2, 2, 3])).toThrow('is no part of the list of owners')
  })

  it('to give shares for a list that the threshold has not signed', async () => {
    const { owners, shares } = await shared()
    for (const [k, owner] of owners.entries()) owner.seal(words(k), of(shares, k + 1))
    expect(() => owners[0]!.open([])).toThrow('was asked for shares before it has signed who survived')
    // The server shows owners 1 and 2 one list, owners 3 to 5 another.
    const [one, two] = [[1, 2, 3, 4], [1, 2, 3, 4, 5]] // biome-ignore format: one line
    const here = [1, 2].map((owner) => owners[owner - 1]!.sign(one!))
    const there = [3, 4, 5].map((owner) => owners[owner - 1]!.sign(two!))
    expect(() => owners[0]!.open(here)).toThrow('2 owners have signed who survived, fewer than the threshold')
    expect(() => owners[0]!.open([...here, here[0]!])).toThrow('2 owners have signed who survived')
    expect(() => owners[0]!.open([...here, there[0]!])).toThrow('owner 3 has not signed that these owners survived')
    expect(owners[2]!.open(there)).toHaveLength(5)
  })

  it('shares of another round, of another attempt, and for another owner; then nothing is sent', async () => {
    const now = await shared()
    for (const other of [
      maskedRound(5, { threshold: 3, round: 2 }),
      { ...ROUND, attempt: 1 },
      { ...ROUND, threshold: 4 },
    ]) {
      const before = await shared(other)
      const mixed = now.shares.map((one, i) => (one.from === 2 ? before.shares[i]! : one))
      const fails = () => now.owners[0]!.seal(words(0), of(mixed, 1))
      expect(fails).toThrow('owner 2 has shares that are not for this owner, this round and this attempt')
    }
    const astray = now.shares.map((one) => (one.from === 2 && one.to === 3 ? { ...one, to: 1 } : one))
    const own = of(now.shares, 1).filter((one) => one.from !== 2)
    const misled = [
      ...own,
      ...of(astray, 1)
        .filter((one) => one.from === 2)
        .slice(1),
    ]
    expect(() => now.owners[0]!.seal(words(0), misled)).toThrow('owner 2 has shares that are not')
    expect(() => now.owners[0]!.seal(words(0), of(now.shares, 1).slice(1))).toThrow('owner 2 has sent no shares')
  })

  it('keys without the parts that a threshold needs, and parts that were not signed', async () => {
    const owners = join(parties(5), ROUND)
    const keys = owners.map(({ key }) => key)
    const { box: _, ...bare } = keys[1]!
    for (const forged of [bare, { ...keys[1]!, box: keys[2]!.box }, { ...keys[1]!, seed: keys[2]!.seed }]) {
      const given = keys.map((key, i) => (i === 1 ? forged : key))
      await expect(owners[0]!.share(given)).rejects.toThrow('owner 2 has a key that it did not sign')
    }
  })

  it('to unmask the sum of others once it has helped, and to unmask one after it has joined the next', async () => {
    const who = parties(5)
    const { owners, shares } = await shared(ROUND, who)
    for (const [k, owner] of owners.entries()) owner.seal(words(k), of(shares, k + 1))
    const survivors = [1, 2, 4, 5]
    const signed = survivors.map((owner) => owners[owner - 1]!.sign(survivors))
    owners[0]!.open(signed)
    const again = { ...ROUND, attempt: 1 }
    // The same sum tells nothing new; that of others would tell the difference.
    const [first] = join(who.slice(0, 1), again)
    for (const others of [
      [1, 2, 3, 4, 5],
      [1, 2, 5],
      [1, 2, 3, 4],
    ]) {
      expect(() => first!.sign(others)).toThrow(
        'owner 1 has helped to unmask the sum of owners 1, 2, 4, 5 already, and no other',
      )
    }
    expect(first!.sign(survivors)).toMatchObject({ owner: 1 })
    // Neither does another process of the owner, which knows what this one has kept.
    const kept = new JoinedRounds(1, JSON.parse(JSON.stringify(who[0]!.joined.kept)))
    const [later] = join([{ ...who[0]!, joined: kept }], { ...ROUND, attempt: 2 })
    expect(() => later!.sign([1, 2, 3, 4, 5])).toThrow('and no other')
    expect(() => join([{ ...who[0]!, joined: kept }], { ...maskedRound(4, { threshold: 3 }), attempt: 3 })).toThrow(
      'owner 1 is asked again with other owners',
    )
    // Owner 2 has not helped yet: either the one or the other.
    join(who.slice(1, 2), again)
    expect(() => owners[1]!.open(signed)).toThrow('owner 2 has joined another attempt than 0 since')
  })

  it('a round that is done', () => {
    const [one] = parties(5)
    join([one!], ROUND)
    one!.joined.forget(1)
    expect(one!.joined.kept).toEqual({ done: 1, rounds: [] })
    expect(() => join([one!], { ...ROUND, attempt: 1 })).toThrow('owner 1 is asked again for a round that is done')
    expect(join([one!], { ...ROUND, round: 2 })).toHaveLength(1)
  })

  it('a threshold that is no majority', () => {
    const half = maskedRound(4, { threshold: 2 })
    expect(() => join(parties(4), half)).toThrow(
      'owner 1 is asked for a threshold of 2 of 4 owners, which is no majority',
    )
  })
})

describe('shares of a secret', () => {
  const secret = seededRandom(1, 'secret').bytes(32)
  const right = (found: Uint8Array) => Buffer.from(hashOf(found)).equals(hashOf(secret))

  it('are a byte longer than it, and any threshold of them give it back', async () => {
    const shares = [...(await sharesOf(secret, [1, 2, 3, 4, 5], 3)).values()]
    expect(shares.map((share) => share.length)).toEqual([33, 33, 33, 33, 33])
    for (const some of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 2, 3, 4],
    ]) {
      // biome-ignore format: one line
      expect(await secretOf(some.map((i) => shares[i]!), right)).toEqual(secret) // biome-ignore format: one line
    }
  })

  it('give another secret without an error if they are too few, which the hash tells', async () => {
    const shares = [...(await sharesOf(secret, [1, 2, 3, 4, 5], 3)).values()]
    expect(await secretOf(shares.slice(0, 2), () => true)).not.toEqual(secret)
    expect(await secretOf(shares.slice(0, 2), right)).toBeUndefined()
  })

  it('are at most 255', async () => {
    const many = (count: number) => sharesOf(secret, Array.from({ length: count }, (_, i) => i + 1), 200) // biome-ignore format: one line
    expect((await many(255)).size).toBe(255)
    await expect(many(256)).rejects.toThrow()
  })
})
