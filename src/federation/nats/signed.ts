import { type KeyObject, sign, verify } from 'node:crypto'
import type { z } from 'zod'
import { FedunifyError, messageOf } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { MAX_MESSAGE, PROTOCOL } from './wire.ts'

/** JSON with its keys in order at every depth: the same for both sides, whoever made the object. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}

/** A message as it travels: its canonical JSON and an Ed25519 signature over that. */
export function encodeSigned(message: object, key: KeyObject): Uint8Array {
  const body = canonical(message)
  const signature = sign(null, Buffer.from(body), key).toString('base64')
  return Buffer.from(JSON.stringify({ body, signature }))
}

/**
 * A message whose signature is that of the sender, in the form of the schema.
 * @param who whose key it is, for errors
 * @throws FedunifyError (data) if it is not signed by that key, too large, or not of the protocol
 */
export function decodeSigned<T>(bytes: Uint8Array, key: KeyObject, schema: z.ZodType<T>, who: string): T {
  const refuse = (what: string, cause?: unknown) =>
    new FedunifyError('E_PROTOCOL', `a message of ${who} ${what}`, HINT, { cause })
  if (bytes.length > MAX_MESSAGE) throw refuse(`has ${bytes.length} bytes`)
  const { body, signature } = envelope(bytes, refuse)
  if (!verify(null, Buffer.from(body), key, Buffer.from(signature, 'base64'))) throw refuse('is not signed by its key')
  const value = JSON.parse(body) as { format?: unknown; fedunify?: unknown } | null
  if (typeof value?.format === 'number' && value.format !== PROTOCOL) {
    throw refuse(`is of protocol ${value.format} (fedunify ${value.fedunify}), this is ${PROTOCOL} (${VERSION})`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [{ path, message } = { path: [], message: '' }] = parsed.error.issues
  throw refuse(`is not of this protocol: ${path.join('.')}: ${message}`.slice(0, 300))
}

const HINT = 'both sides need the same version of fedunify'

function envelope(bytes: Uint8Array, refuse: (what: string, cause?: unknown) => Error) {
  try {
    const { body, signature } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>
    if (typeof body !== 'string' || typeof signature !== 'string') throw new Error('no body or no signature')
    return { body, signature }
  } catch (error) {
    throw refuse(`cannot be read: ${messageOf(error)}`.slice(0, 300), error)
  }
}
