import { createHash } from 'node:crypto'

/** Stands in the place of a seal while it is computed. */
export const BLANK_SEAL = '0'.repeat(64)

/**
 * A file may hold a digest of itself, its seal: SHA-256 (hex) over all of its bytes, with 64 zeros in the place of the
 * seal's own digits.
 * @param key the bytes just before the seal, which stand nowhere before it
 */
export function sealed<Bytes extends Uint8Array>(bytes: Bytes, key: string): Bytes {
  const { at } = placeOf(bytes, key)
  Buffer.from(bytes.buffer, bytes.byteOffset).write(digestOf(bytes, at), at, 'latin1')
  return bytes
}

/** Whether a file has a seal, and whether that is the one of its bytes. */
export function sealState(bytes: Uint8Array, key: string): 'none' | 'whole' | 'broken' {
  const { at, seal } = placeOf(bytes, key)
  if (seal === undefined) return 'none'
  return seal === digestOf(bytes, at) ? 'whole' : 'broken'
}

function placeOf(bytes: Uint8Array, key: string): { at: number; seal: string | undefined } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = file.indexOf(key) + key.length
  const seal = file.toString('latin1', at, at + BLANK_SEAL.length)
  return at < key.length || !/^[\da-f]{64}$/.test(seal) ? { at: 0, seal: undefined } : { at, seal }
}

/** With zeros in the place of the seal, which begins at `at`. */
function digestOf(bytes: Uint8Array, at: number): string {
  const hash = createHash('sha256').update(bytes.subarray(0, at)).update(BLANK_SEAL)
  return hash.update(bytes.subarray(at + BLANK_SEAL.length)).digest('hex')
}
