import { createCipheriv, hkdfSync } from 'node:crypto'
import { endianness } from 'node:os'
import { MODULO_32, type Ring } from './ring.ts'

const CIPHER = 'aes-256-ctr'
const CIPHER_KEY = 32
/** Where the counter begins: at 0, for no key is used twice. */
const COUNTER = Buffer.alloc(16)
/** Words that are made at a time: whole numbers of any ring. */
const BLOCK = 65_536
const ZEROS = Buffer.alloc(4 * BLOCK)
const SWAPPED = endianness() === 'BE'

/**
 * A key that follows from a secret and from what it is for (HKDF-SHA256, RFC 5869, without salt).
 * @param secret 32 bytes
 */
export const derivedKey = (secret: Uint8Array, info: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, '', info, CIPHER_KEY))

/**
 * Adds the key's mask to words, or takes it off them: the keystream of AES-256 in counter mode, four bytes at a time, the
 * first the lowest.
 */
export function addMask(words: Uint32Array, key: Uint8Array, sign: 1 | -1, ring: Ring = MODULO_32): void {
  const cipher = createCipheriv(CIPHER, key, COUNTER)
  for (let from = 0; from < words.length; from += BLOCK) {
    const some = words.subarray(from, from + BLOCK)
    const bytes = cipher.update(ZEROS.subarray(0, 4 * some.length))
    if (SWAPPED) bytes.swap32()
    const mask = aligned(bytes)
    if (sign === 1) ring.add(some, mask)
    else ring.subtract(some, mask)
  }
}

/** Bytes as words; a view, unless they begin where no word does. */
const aligned = (bytes: Buffer): Uint32Array =>
  bytes.byteOffset % 4 === 0
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    : new Uint32Array(Uint8Array.from(bytes).buffer)
