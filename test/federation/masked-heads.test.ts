import { describe, expect, it } from 'vitest'
import { lda } from '../../src/algorithm/head/lda.ts'
import { ridge } from '../../src/algorithm/head/ridge.ts'
import { addImages, addStatistics, type HeadStatistics, noStatistics } from '../../src/engine/head-statistics.ts'
import { statisticsOf, statisticsTensors } from '../../src/federation/head-tensors.ts'
import { lengthOfSums, sumsOfWords, wordsOfSums } from '../../src/federation/head-words.ts'
import { readMaskedSums } from '../../src/federation/nats/read-masked-sums.ts'
import type { ReplyOf } from '../../src/federation/nats/wire.ts'
import { digitsOf } from '../../src/federation/owner-head-masks.ts'
import { idOf } from '../../src/privacy/masks/masked-round.ts'
import { MaskedSum } from '../../src/privacy/masks/masked-sum.ts'
import { stream } from '../../src/random.ts'
import { maskedHere } from '../../src/run/masks.ts'
import { chiSquareOfBytes } from '../support/chi-square.ts'

const [FEATURES, CLASSES, RANGE] = [5, 3, 16]
const LABELS = Int32Array.from({ length: 12 }, (_, i) => (i * i) % CLASSES)
const experiment = { merge: ['avg' as const], head: { ridge: { lambda: 0.01, random: 0 } } }
const privacy = { masks: { range: 4, 'head-range': RANGE }, 'insecure-test-seed': 5 }

/** An owner's sums over twelve images whose features are so many times a number of [-1, 1). */
function sumsOf(owner: number, times = 1, round = (value: number) => value): HeadStatistics {
  const random = stream(owner, 'head')
  const features = Float32Array.from({ length: 12 * FEATURES }, () => round(times * (2 * random.uniform() - 1)))
  return addImages(noStatistics(FEATURES, CLASSES), features, LABELS)
}

/** What a server makes of the words of these owners, and the words. */
async function masked(all: readonly HeadStatistics[]) {
  const owners = all.map((_, i) => i + 1)
  const { rounds, range, members } = maskedHere({ ...experiment, privacy }, owners)!.head!
  const traffic = { sent: () => {}, received: () => {} }
  const parties = owners.map((owner) => {
    const own = members.get(owner)!
    const never = () => Promise.reject(new Error('there is no threshold'))
    const asked = { before: async (of: number) => own.before(of), share: never, sign: never, open: never }
    return { owner, images: 12, join: async (round: Parameters<typeof own.join>[0]) => own.join(round), ...asked }
  })
  const under = await rounds.begin(1, parties, traffic)
  const sum = new MaskedSum(under.round, lengthOfSums(all[0]!))
  const words = owners.map((owner) => {
    const sealed = members.get(owner)!.seal(all[owner - 1]!, under.taskOf(owner))
    sum.add(owner, sealed)
    return sealed.words
  })
  const digits = digitsOf(under.round, range)
  return { words, digits, sums: sumsOfWords(sum.finish(), { ...all[0]!, images: 12 * all.length }, digits) }
}

describe('sums for a head under masks', () => {
  it('are those of all owners, in single words as if drawn at random', async () => {
    const all = [1, 2, 3].map((owner) => sumsOf(owner, 1, (value) => Math.round(8 * value) / 8))
    const { sums, words, digits } = await masked(all)
    // 16 × 36 images is a little more than 2^9.
    expect(digits).toBe(52)
    expect(sums).toEqual(addStatistics(all))
    for (const own of words) {
      // Counts of images under masks are no counts.
      expect(own.filter((word) => word < 1000).length).toBeLessThan(2)
      expect(own).toHaveLength(2 * (21 + 18))
    }
  })

  it('of whole eighths fit the very head that is fitted to them without masks', async () => {
    const all = [1, 2, 3].map((owner) => sumsOf(owner, 1, (value) => Math.round(8 * value) / 8))
    const { sums } = await masked(all)
    const plain = addStatistics(all.map((one) => statisticsOf(statisticsTensors(one), one.images)))
    for (const head of [ridge, lda]) {
      const fitted = head.make({ lambda: 0.01, random: 0 })
      expect(await fitted.fit(sums)).toEqual(await fitted.fit(plain))
    }
  })

  it('are off by half a level for each owner at most, and so the head to single precision', async () => {
    const all = [1, 2, 3].map((owner) => sumsOf(owner, 3))
    const { sums, digits } = await masked(all)
    const exact = addStatistics(all)
    for (const key of ['gram', 'cross'] as const) {
      for (const [i, value] of exact[key].entries()) {
        // Sums are below 2^9, so that float64 rounds them by 2^-45 at most in each of three additions.
        expect(Math.abs(sums[key][i]! - value)).toBeLessThanOrEqual(3 * (2 ** (-digits - 1) + 2 ** -45))
      }
    }
    const fitted = ridge.make({ lambda: 1, random: 0 })
    const [one, other] = [await fitted.fit(sums), await fitted.fit(exact)]
    for (const [i, value] of other.weight.entries()) {
      expect(Math.abs(one.weight[i]! - value)).toBeLessThanOrEqual(2 ** -23 * Math.abs(value))
    }
  })

  it('are refused before they are sent if a feature is beyond the range, with one that would do', async () => {
    // Features of up to 30 have mean squares of about 300.
    const beyond = sumsOf(2, 30)
    const worst = Math.max(...Array.from({ length: FEATURES }, (_, i) => beyond.gram[i * (FEATURES + 2)]! / 12))
    await expect(masked([sumsOf(1), beyond])).rejects.toMatchObject({
      code: 'E_UPDATE',
      exitCode: 4,
      message: `owner 2, round 1: a feature has a mean square of ${worst.toPrecision(4)}, but masked sums for a head hold 16 at most; nothing was sent`,
      hint: `set privacy.masks.head-range to ${2 ** Math.ceil(Math.log2(worst) + 1)}, or lower the lr`,
    })
    const broken = { ...beyond, gram: beyond.gram.with(0, Number.NaN) }
    await expect(masked([sumsOf(1), broken])).rejects.toMatchObject({ code: 'E_DIVERGED' })
  })

  it('are words of which each byte is as often as another', async () => {
    const many = (owner: number) => {
      const random = stream(owner, 'head')
      return addImages(noStatistics(60, 2), Float32Array.from({ length: 240 }, () => random.uniform()), Int32Array.of(0, 1, 1, 0)) // biome-ignore format: one line
    }
    const { words } = await masked([1, 2].map((owner) => ({ ...many(owner), images: 12 })))
    for (const own of words) {
      expect(own).toHaveLength(2 * (1891 + 122))
      // With 255 degrees of freedom, one in a thousand is below 190.9, and one in a thousand above 330.5.
      expect(chiSquareOfBytes(own)).toBeGreaterThan(190.9)
      expect(chiSquareOfBytes(own)).toBeLessThan(330.5)
    }
    // What they would say without masks.
    expect(chiSquareOfBytes(wordsOfSums(many(1), 50))).toBeGreaterThan(10_000)
  })

  it('have other keys and masks than the updates of the same round', async () => {
    const here = maskedHere({ ...experiment, privacy }, [1, 2])!
    const round = { run: 'a', round: 1, attempt: 0, owners: [1, 2].map((owner) => ({ owner, images: 12 })) }
    const [head, other] = [here.head!.members.get(1)!, here.head!.members.get(2)!]
    const own = head.join({ ...round, of: 'head' })
    // A key that the other has signed for the same try without saying what for.
    const of = other.join(round)
    expect(() => head.seal(sumsOf(1), { keys: [own, of] })).toThrow('owner 2 has a key that it did not sign')
  })
})

describe('a server that is handed in sums under masks', () => {
  const round = { run: 'a', round: 4, attempt: 0, owners: [1, 2].map((owner) => ({ owner, images: 12 })), of: 'head' as const } // biome-ignore format: one line
  // 2 × (3 + 4) words; 2^62 / (16 × 24 images) has 53 digits.
  const bounds = { sizes: { size: 2, classes: 2 }, range: RANGE, round }
  const right = { masked: idOf(round), dtype: 'uint64', scale: 2 ** 53, bytes: 56 }
  const read = (given: Partial<typeof right>) => {
    const { masked, dtype, scale, bytes } = { ...right, ...given }
    const reply = { owner: 2, masked, payload: { dtype, scale } } as ReplyOf<'statistics'>
    return readMaskedSums(
      reply,
      Uint8Array.from({ length: bytes }, (_, i) => i),
      'bob',
      bounds,
    )
  }

  it('takes those of the round', () => {
    expect(read({})).toMatchObject({ id: idOf(round), words: { 0: 0x03020100, 13: 0x37363534, length: 14 } })
  })

  it.each([
    ['updates', { masked: idOf({ ...round, of: undefined }) }, 'came from another attempt or another list of owners'],
    ['no masks', { masked: undefined as never }, 'came from another attempt'],
    [
      'single words',
      { dtype: 'uint32' },
      'came in uint32 of scale 9007199254740992, not in uint64 of scale 9007199254740992',
    ],
    [
      'another scale',
      { scale: 2 ** 52 },
      'came in uint64 of scale 4503599627370496, not in uint64 of scale 9007199254740992',
    ],
    ['fewer', { bytes: 48 }, 'came as 48 bytes, not 56'],
  ])('refuses %s', (_, given, why) => {
    expect(() => read(given)).toThrow(`the masked sums of owner bob in round 4 ${why}`)
  })
})
