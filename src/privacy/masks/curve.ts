import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'

/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const DER = {
  x25519: { secret: '302e020100300506032b656e04220420', public: '302a300506032b656e032100' },
  ed25519: { secret: '302e020100300506032b657004220420', public: '302a300506032b6570032100' },
} as const

type Curve = keyof typeof DER

export const KEY_BYTES = 32

/** @param raw 32 bytes: of X25519 any, of Ed25519 its seed */
export const secretKey = (curve: Curve, raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([Buffer.from(DER[curve].secret, 'hex'), raw]), format: 'der', type: 'pkcs8' })

/** @param raw 32 bytes */
export const publicKey = (curve: Curve, raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([Buffer.from(DER[curve].public, 'hex'), raw]), format: 'der', type: 'spki' })

/** The 32 bytes of the public key that belongs to a secret one. */
export const rawPublic = (secret: KeyObject): Uint8Array =>
  new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES))

/**
 * What two have in common who know each other's public key (RFC 7748).
 * @throws Error if the other's key is one of the few with which there is no secret
 */
export const sharedSecret = (own: KeyObject, other: KeyObject): Uint8Array =>
  new Uint8Array(diffieHellman({ privateKey: own, publicKey: other }))
