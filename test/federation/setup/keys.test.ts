import { sign, verify } from 'node:crypto'
import { nkeys } from '@nats-io/transport-node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPublicKey, isSeed, newSeed, publicKey, publicKeyOf, signingKey } from '../../../src/federation/setup/keys.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const [seed, data] = [newSeed(), Buffer.from('an update')]

describe('a key', () => {
  it('is what NATS takes for one', () => {
    const pair = nkeys.fromSeed(bytes(seed))
    expect(pair.getPublicKey()).toBe(publicKeyOf(seed))
    expect(new TextDecoder().decode(pair.getSeed())).toBe(seed)
    expect(seed).toMatch(/^SU[A-Z2-7]{56}$/)
    expect(publicKeyOf(seed)).toMatch(/^U[A-Z2-7]{55}$/)
  })

  it('is read as NATS writes it', () => {
    const pair = nkeys.createUser()
    const theirs = new TextDecoder().decode(pair.getSeed())
    expect(publicKeyOf(theirs)).toBe(pair.getPublicKey())
  })

  it('signs what NATS verifies, and the other way round', () => {
    const pair = nkeys.fromSeed(bytes(seed))
    expect(pair.verify(data, sign(null, data, signingKey(seed)))).toBe(true)
    expect(verify(null, data, publicKey(pair.getPublicKey()), pair.sign(data))).toBe(true)
    expect(verify(null, Buffer.from('another'), publicKey(pair.getPublicKey()), pair.sign(data))).toBe(false)
  })

  it('is another one each time', () => {
    expect(newSeed()).not.toBe(seed)
  })
})

describe('what is no key', () => {
  const account = new TextDecoder().decode(nkeys.createAccount().getSeed())

  it.each([[''], ['S'], [seed.slice(0, -1)], [`${seed}A`], [seed.toLowerCase()], [`${seed}\n`], [account], ['é']])(
    'is refused: %j',
    (text) => {
      expect(isSeed(text)).toBe(false)
      expect(() => signingKey(text)).toThrow('not the seed of a NATS user')
    },
  )

  it('is not shown in the message', () => {
    const typo = seed.slice(0, -1)
    expect(() => signingKey(typo)).not.toThrow(typo)
  })

  it('is a seed in the place of a public key, and the other way round', () => {
    expect([isPublicKey(seed), isSeed(publicKeyOf(seed))]).toEqual([false, false])
    expect(() => publicKey(seed)).toThrow('not the public key of a NATS user')
  })

  it('is one with any letter changed', () => {
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567']
    fc.assert(
      fc.property(fc.nat(seed.length - 1), fc.constantFrom(...letters), (at, letter) => {
        const changed = seed.slice(0, at) + letter + seed.slice(at + 1)
        expect(isSeed(changed)).toBe(changed === seed)
      }),
    )
  })
})
