import { verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { authenticatorOf } from '../../../src/federation/nats/authenticate.ts'
import { newSeed, publicKey, publicKeyOf } from '../../../src/federation/setup/keys.ts'

describe('a party that proves who it is', () => {
  const seed = newSeed()
  const prove = authenticatorOf(seed)

  it("signs a broker's nonce", () => {
    const { nkey, sig } = prove('Sr-bF3Z_sFxXl6w') as { nkey: string; sig: string }
    expect(nkey).toBe(publicKeyOf(seed))
    const key = publicKey(nkey)
    expect(verify(null, Buffer.from('Sr-bF3Z_sFxXl6w'), key, Buffer.from(sig, 'base64url'))).toBe(true)
  })

  it('signs nothing that could be a message, a key for masks, or a list of survivors', () => {
    for (const text of [
      '{"what":"update"}',
      JSON.stringify(['mask key', 'a'.repeat(64), 1, 'key', '', '']),
      JSON.stringify(['survivors', 'a'.repeat(64), [1, 2, 3]]),
      'a b',
      '',
      'a'.repeat(65),
    ]) {
      expect(() => prove(text)).toThrow('the broker wants something signed that is no nonce')
    }
  })
})
