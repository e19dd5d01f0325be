import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { sharedSecret } from '../curve.ts'
import { derivedKey } from '../keystream.ts'
import { base64Of, bytesOf } from '../signed-key.ts'

/** An owner's shares of its two secrets for another owner, which nobody else can read. */
export interface SealedShares {
  readonly from: number
  readonly to: number
  /** AES-256-GCM: the shares, then the tag; base64. */
  readonly box: string
}

/** Shares of the two secrets of an owner. */
export interface Shares {
  /** Of its key for masks, 33 bytes. */
  readonly key: Uint8Array
  /** Of the seed of its own mask, 33 bytes. */
  readonly seed: Uint8Array
}

const CIPHER = 'aes-256-gcm'
const TAG = 16
const SHARE = 33
/** A key encrypts one message alone: it is of two owners in one direction, in one try at a round. */
const NONCE = Buffer.alloc(12)

interface Way {
  /** Of the try at a round. */
  readonly id: string
  readonly from: number
  readonly to: number
  /** X25519 of this side, and the public key of the other. */
  readonly own: KeyObject
  readonly other: KeyObject
}

const keyOf = ({ id, from, to, own, other }: Way) =>
  derivedKey(sharedSecret(own, other), JSON.stringify(['shares', id, from, to]))

export function sealShares(way: Way, { key, seed }: Shares): SealedShares {
  const cipher = createCipheriv(CIPHER, keyOf(way), NONCE)
  const bytes = Buffer.concat([cipher.update(Buffer.concat([key, seed])), cipher.final(), cipher.getAuthTag()])
  return { from: way.from, to: way.to, box: base64Of(bytes) }
}

/** Undefined if they are not of this owner, for this one, in this try at a round. */
export function openShares(way: Way, { box }: SealedShares): Shares | undefined {
  const bytes = bytesOf(box)
  if (bytes.length !== 2 * SHARE + TAG) return undefined
  const decipher = createDecipheriv(CIPHER, keyOf(way), NONCE).setAuthTag(bytes.subarray(-TAG))
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -TAG)), decipher.final()])
    return { key: new Uint8Array(plain.subarray(0, SHARE)), seed: new Uint8Array(plain.subarray(SHARE)) }
  } catch {
    return undefined
  }
}
