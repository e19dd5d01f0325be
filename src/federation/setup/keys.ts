import { type KeyObject, randomBytes } from 'node:crypto'
import { KEY_BYTES, publicKey as keyOfRaw, rawPublic, secretKey } from '../../privacy/masks/curve.ts'

/**
 * NATS keys (nkeys): Ed25519, as base32 text with a prefix that says what the key is for and a CRC-16 at the end. By
 * Node's own crypto: signing with it takes about 1 ms, and with the JavaScript of @nats-io/nkeys about 30.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** First byte of a user's public key: its text begins with U. */
const USER = 20 << 3
/** First bytes of a user's seed: its text begins with SU. */
const USER_SEED = [(18 << 3) | (USER >> 5), (USER & 31) << 3] as const

/** A new secret, as an owner or the server keeps it: SU…, 58 characters. */
export const newSeed = (): string => encode([...USER_SEED, ...randomBytes(KEY_BYTES)])

/** The public key of a seed, as NATS writes it: U…, 56 characters. */
export const publicKeyOf = (seed: string): string => encode([USER, ...rawPublic(signingKey(seed))])

/**
 * The key that signs, for `sign(null, data, key)` of node:crypto.
 * @param seed SU…
 * @throws Error if it is no user's seed; it does not show what was given
 */
export function signingKey(seed: string): KeyObject {
  const raw = decode(seed, USER_SEED)
  if (!raw) throw new Error('not the seed of a NATS user')
  return secretKey('ed25519', raw)
}

/**
 * The key that verifies, for `verify(null, data, key, signature)` of node:crypto.
 * @param nkey U…
 * @throws Error if it is no user's public key
 */
export function publicKey(nkey: string): KeyObject {
  const raw = decode(nkey, [USER])
  if (!raw) throw new Error('not the public key of a NATS user')
  return keyOfRaw('ed25519', raw)
}

export const isSeed = (text: string): boolean => decode(text, USER_SEED) !== undefined

export const isPublicKey = (text: string): boolean => decode(text, [USER]) !== undefined

function encode(payload: readonly number[]): string {
  const check = crc16(payload)
  const bits = [...payload, check & 255, check >> 8].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return bits.replace(/.{1,5}/g, (five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)]!)
}

/** The 32 bytes of a key behind its prefix; undefined for any other text. */
function decode(text: string, prefix: readonly number[]): Buffer | undefined {
  if (!/^[A-Z2-7]+$/.test(text)) return undefined
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
  const payload = bytes.slice(0, -2)
  const fits = payload.length === prefix.length + 32 && prefix.every((byte, i) => payload[i] === byte)
  // Written anew, for what does not fill a byte at the end must be zero: a key has one text alone.
  return fits && encode(payload) === text ? Buffer.from(payload.slice(prefix.length)) : undefined
}

/** CRC-16/XMODEM. */
function crc16(bytes: readonly number[]): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff) >>> 0
  }
  return crc
}
