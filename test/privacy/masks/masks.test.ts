import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addMask, derivedKey } from '../../../src/privacy/masks/keystream.ts'
import type { MaskedRound } from '../../../src/privacy/masks/masked-round.ts'
import { MaskedSum } from '../../../src/privacy/masks/masked-sum.ts'
import { joining, maskedRound, parties, sealed } from '../../support/masked-parties.ts'

const VECTORS = [
  [11111, 21111, 311111, 41111, 51111, 11116],
  [23131231, 1231232, 2342343, 32434, 2432345, 2343246],
  [2343241, 2342342, 4443, 34444, 2225, 2342346],
]

const sumOf = (round: MaskedRound, all: ReturnType<typeof sealed>, order = all.map((_, i) => i)) => {
  const sum = new MaskedSum(round, all[0]!.words.length)
  for (const i of order) sum.add(i + 1, all[i]!)
  return [...sum.finish()]
}

describe('masked sums', () => {
  it('give the sum, and vectors in which no word is plain', () => {
    const round = maskedRound(3)
    const all = sealed(round, VECTORS)
    expect(sumOf(round, all)).toEqual([25485583, 3594685, 2657897, 107989, 2485681, 4696708])
    for (const [k, { words }] of all.entries()) {
      for (const [i, word] of words.entries()) expect([k, i, word === VECTORS[k]![i]]).toEqual([k, i, false])
    }
  })

  it.each([2, 3, 8, 100])(
    'of %i owners have masks that cancel modulo 2^32',
    (count) => {
      const round = maskedRound(count)
      const all = sealed(round, Array(count).fill([0, 0, 0]))
      expect(sumOf(round, all)).toEqual([0, 0, 0])
      // Each owner's own is not 0.
      for (const { words } of all) expect(words.every((word) => word !== 0)).toBe(true)
    },
    120_000,
  )

  it('are the same in any order of arrival, negative numbers too', () => {
    const round = maskedRound(4)
    const vectors = [[-5, 1], [3, -2_000_000], [-1, 7], [1, 1]].map((row) => row.map((value) => value >>> 0)) // biome-ignore format: one line
    const all = sealed(round, vectors)
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        expect(sumOf(round, all, order)).toEqual([-2, -1_999_991])
      }),
    )
  })

  it.each([
    ['run', { run: 'other' }],
    ['round', { round: 2 }],
    ['attempt', { attempt: 1 }],
    ['list', { owners: [1, 2, 3].map((owner) => ({ owner, images: owner === 1 ? 11 : 10 })) }],
  ])('have other masks in every word for another %s', (_, given) => {
    const [one, other] = [sealed(maskedRound(3), VECTORS), sealed(maskedRound(3, given), VECTORS)]
    differ(one, other)
  })

  it('have other masks in every word for what is summed beside the updates, which has two words for each number', () => {
    const [one, other] = [sealed(maskedRound(3), VECTORS), sealed(maskedRound(3, { of: 'head' }), VECTORS)]
    differ(one, other)
    // (2^32 - 1 + 2^32) + (2 + 3 · 2^32) + (2^32 - 5) 2^32 is 2^64 + 1: the lower words carry 1.
    const large = [[2 ** 32 - 1, 1], [2, 3], [0, 2 ** 32 - 5]].map((row) => [...row, ...row]) // biome-ignore format: one line
    const round = maskedRound(3, { of: 'head' })
    expect(sumOf(round, sealed(round, large))).toEqual([1, 0, 1, 0])
  })

  it('have other masks in every word if an owner makes another key', () => {
    const [one, other] = [sealed(maskedRound(3), VECTORS), sealed(maskedRound(3), VECTORS, 2)]
    differ(one, other)
  })

  it('are the keystream of AES-256 in counter mode as little-endian words', () => {
    // NIST SP 800-38A has no vector that begins at counter 0; FIPS 197, C.3 gives the block cipher of one block.
    const words = new Uint32Array(4)
    addMask(words, new Uint8Array(32), 1)
    // AES-256 with a key of zeros of a block of zeros: dc95c078a2408989ad48a21492842087.
    expect([...words].map((word) => word.toString(16))).toEqual(['78c095dc', '898940a2', '14a248ad', '87208492'])
    addMask(words, new Uint8Array(32), -1)
    expect([...words]).toEqual([0, 0, 0, 0])
  })

  it('go on over blocks, and derive their keys by HKDF-SHA256', () => {
    const [long, short] = [new Uint32Array(70_000), new Uint32Array(65_536)]
    const key = derivedKey(new Uint8Array(32).fill(11), 'x')
    addMask(long, key, 1)
    addMask(short, key, 1)
    expect(Buffer.from(long.buffer, 0, short.byteLength).equals(Buffer.from(short.buffer))).toBe(true)
    expect(new Set(long.subarray(65_530, 65_560)).size).toBe(30)
  })
})

describe('a masked sum refuses', () => {
  const round = maskedRound(3)
  const all = sealed(round, VECTORS)

  it('a vector of another round, attempt, run or list', () => {
    for (const given of [{ round: 2 }, { attempt: 1 }, { run: 'b' }, { owners: maskedRound(2).owners }]) {
      const sum = new MaskedSum(maskedRound(3, given), 6)
      expect(() => sum.add(1, all[0]!)).toThrow('owner 1 handed in a masked update of another round, attempt or list')
    }
  })

  it('a second vector of an owner, one of a stranger, and one of another length', () => {
    const sum = new MaskedSum(round, 6)
    sum.add(1, all[0]!)
    expect(() => sum.add(1, all[0]!)).toThrow('owner 1 handed in two masked updates')
    expect(() => sum.add(4, all[0]!)).toThrow('owner 4 is not in the list of this round')
    expect(() => new MaskedSum(round, 5).add(1, all[0]!)).toThrow('owner 1 handed in 6 words, not 5')
  })

  it('to be unmasked without all owners', () => {
    const sum = new MaskedSum(round, 6)
    sum.add(1, all[0]!)
    sum.add(3, all[2]!)
    expect(() => sum.finish()).toThrow('owner 2 is missing, and without it the sum cannot be unmasked')
  })
})

describe('an owner refuses', () => {
  const round = maskedRound(3)

  it('keys that others did not sign for this round, this attempt and this list', () => {
    for (const other of [{ run: 'b' }, { round: 2 }, { attempt: 1 }, { owners: maskedRound(4).owners }]) {
      const owners = joining(parties(3), round)
      const elsewhere = joining(parties(3), maskedRound(3, other))
      const keys = [owners[0]!.key, elsewhere[1]!.key, owners[2]!.key]
      expect(() => owners[0]!.seal(new Uint32Array(1), keys)).toThrow('owner 2 has a key that it did not sign')
    }
  })

  it('the key of a man in the middle, whoever signs it', () => {
    const owners = joining(parties(3), round)
    // The server makes a key, and signs it with one of its own, or as owner 3.
    const [, , evil] = joining(parties(3), round, 99)
    const keys = owners.map(({ key }) => key)
    const forged = [
      { ...evil!.key, owner: 2 },
      { ...evil!.key, owner: 2, signature: '' },
      { owner: 2, key: evil!.key.key, signature: keys[1]!.signature },
    ]
    for (const one of forged) {
      expect(() => owners[0]!.seal(new Uint32Array(1), [keys[0]!, one, keys[2]!])).toThrow('owner 2 has a key that it')
    }
    expect(() => owners[0]!.seal(new Uint32Array(1), keys.slice(0, 2))).toThrow('owner 3 has no key')
    expect(() => owners[0]!.seal(new Uint32Array(1), [...keys, keys[1]!])).toThrow('owner 2 has more than one key')
  })

  it.each([
    ['update', undefined],
    ['sums', 'head'],
  ] as const)('to mask two vectors of its %s by one key', (part, of) => {
    const owners = joining(parties(3), maskedRound(3, { of }))
    const keys = owners.map(({ key }) => key)
    owners[0]!.seal(new Uint32Array(1), keys)
    expect(() => owners[0]!.seal(new Uint32Array(1), keys)).toThrow(
      `owner 1 has masked its ${part} of this attempt already`,
    )
  })

  it('a second attempt with other owners, and one that it has joined; not one with the same owners', () => {
    const who = parties(3)
    joining(who, round)
    const without = { attempt: 1, owners: round.owners.slice(0, 2) }
    expect(() => joining(who.slice(0, 2), maskedRound(3, without))).toThrow('owner 1 is asked again with other owners')
    expect(() => joining(who, round)).toThrow('owner 1 is asked for attempt 0 again')
    expect(joining(who, maskedRound(3, { attempt: 1 }))).toHaveLength(3)
    // Neither later, when the server has gone on.
    joining(who, maskedRound(3, { round: 2 }))
    expect(() => joining(who.slice(0, 2), maskedRound(3, { ...without, attempt: 2 }))).toThrow('with other owners')
  })

  it('a list in which it is alone, is not, or somebody is twice', () => {
    const [one] = parties(3)
    const listed = (...owners: number[]) => maskedRound(1, { owners: owners.map((owner) => ({ owner, images: 1 })) })
    expect(() => joining([one!], listed(1))).toThrow('owner 1 is to be in a masked sum alone')
    expect(() => joining([one!], listed(2, 3))).toThrow('owner 1 is not in the list')
    expect(() => joining([one!], listed(1, 2, 2))).toThrow('names one twice')
  })
})

function differ(one: ReturnType<typeof sealed>, other: ReturnType<typeof sealed>) {
  for (const [k, { words }] of one.entries()) {
    expect([...words].filter((word, i) => word === other[k]!.words[i])).toEqual([])
  }
}
