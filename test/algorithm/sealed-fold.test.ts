import { describe, expect, it } from 'vitest'
import { RoundFold } from '../../src/algorithm/fold.ts'
import { type MaskedRule, planSum } from '../../src/algorithm/masked-plan.ts'
import type { MergeChoice } from '../../src/algorithm/merge/own-rule.ts'
import { SealedFold } from '../../src/algorithm/sealed-fold.ts'
import { OwnerMasks } from '../../src/federation/owner-masks.ts'
import { unmaskingOf } from '../../src/privacy/masks/dropouts/unmasking.ts'
import { verifiedKeys } from '../../src/privacy/masks/signed-key.ts'
import { seededRandom } from '../../src/privacy/randomness.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import { valuesOf, weightsOf } from '../support/fake-owner.ts'
import { maskedRound, parties } from '../support/masked-parties.ts'

const IMAGES = [10, 20, 50, 40]
const BASE = weightsOf(0.5, -1, 2)
const TRAINED = [[0.75, -1, 2], [0.5, 1, 1.5], [0.25, -1.125, 2], [-1, 0, 3]].map((row) => weightsOf(...row)) // biome-ignore format: one line
const round = maskedRound(4, { threshold: 3, owners: IMAGES.map((images, i) => ({ owner: i + 1, images })) })
const training = { epochs: 2, batch: 5, momentum: 0 }

function maskingOwners(rule: MaskedRule) {
  return parties(4).map((who) => {
    const random = () => seededRandom(1, who.owner)
    return new OwnerMasks({ who, threshold: 3, plan: (of) => planSum(rule, of), random }, `owner ${who.owner}`)
  })
}

describe('the fold of masked updates', () => {
  it.each<[string, MergeChoice]>([
    ['avg', 'avg'],
    ['weighted-avg', 'weighted-avg'],
    ['fednova', { fednova: { weights: 'images' } }],
    ['task-arithmetic', { 'task-arithmetic': { lambda: 0.4, normalise: false, weights: 'images' } }],
  ])('by %s is that of the survivors alone', async (_, choice) => {
    const rule = { choice, range: 4, training }
    const owners = maskingOwners(rule)
    const keys = owners.map((owner) => owner.join(round))
    const shares = (await Promise.all(owners.map((owner) => owner.share(keys)))).flat()
    const masked = new SealedFold(rule, { round: 1, base: BASE }, new WeightPool())
    const plain = new RoundFold([choice], { round: 1, base: BASE }, new WeightPool(), { labels: new Map(), training })
    // Owner 2 is lost while it trains.
    const survivors = [1, 3, 4]
    for (const owner of survivors) {
      const own = shares.filter(({ to }) => to === owner)
      const given = { owner, trainImages: IMAGES[owner - 1]!, sent: {}, epochs: 2 }
      const sealed = owners[owner - 1]!.seal(BASE, TRAINED[owner - 1]!, { keys, shares: own })
      masked.add({ ...given, weights: new Map(), sealed })
      plain.add({ ...given, weights: TRAINED[owner - 1]! })
    }
    const signed = survivors.map((owner) => owners[owner - 1]!.sign(survivors))
    const opened = new Map(survivors.map((owner) => [owner, owners[owner - 1]!.open(signed)]))
    const verified = verifiedKeys(round, keys, parties(4)[0]!.identities)
    const { models, owners: merged } = masked.finish(await unmaskingOf(round, verified, survivors, opened))
    expect(merged).toBe(3)
    const [expected] = plain.finish().models
    for (const [i, value] of valuesOf(models[0]!).entries()) expect(value).toBeCloseTo(valuesOf(expected!)[i]!, 6)
  })

  it('needs masked updates, and all of them', () => {
    const fold = new SealedFold({ choice: 'avg', range: 4 }, { round: 1, base: BASE }, new WeightPool())
    expect(() => fold.finish()).toThrow('there are no owners to merge')
    const bare = { owner: 1, trainImages: 1, sent: {}, weights: BASE }
    expect(() => fold.add(bare)).toThrow('owner 1 handed in an update without masks')
  })
})

describe('what an owner does not mask', () => {
  const [owner] = maskingOwners({ choice: 'avg', range: 1 })
  owner!.join(round)

  it.each([
    [1.5625, 'owner 1, round 1: w changes by 1.063, but masked sums hold 1 at most; nothing was sent', 'range to 4'],
    [Number.NaN, 'owner 1, round 1: w became NaN', 'lower the lr'],
    [Number.NEGATIVE_INFINITY, 'owner 1, round 1: w became -Infinity', 'lower the lr'],
  ])('a change to %d: it is never cut', (value, message, hint) => {
    const fails = () => owner!.seal(BASE, weightsOf(value, -1, 2), { keys: [] })
    expect(fails).toThrow(message)
    const place = { owner: 1, round: 1, tensor: 'w' }
    expect(fails).toThrow(expect.objectContaining({ place, exitCode: 4, hint: expect.stringContaining(hint) }))
  })
})
