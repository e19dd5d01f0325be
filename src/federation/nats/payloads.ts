import { randomBytes } from 'node:crypto'
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import pMap from 'p-map'
import { FedunifyError } from '../../errors.ts'
import { MODULO_32, type Ring } from '../../privacy/masks/ring.ts'
import { sha256 } from '../../system/digest.ts'
import { persist } from './persist.ts'
import type { Trouble } from './trouble.ts'
import { CHUNK, type WirePayload } from './wire.ts'

/** More than any model here, or a file of a run: what claims more is refused before it is fetched. */
export const MAX_PAYLOAD = 4e9
/** Chunks that are under way at the same time. */
const WINDOW = 2
/** Milliseconds for a chunk: at 1.2 Mbit/s a window takes as long. */
export const CHUNK_TIME = 15_000

/** What the bytes of a payload are. */
type Form = Pick<WirePayload, 'dtype' | 'modulus' | 'scale'>

/** A safetensors file. */
const FLOATS: Form = { dtype: 'float32', modulus: null, scale: null }

/** Numbers under masks, of so many levels in a unit. */
export const wordsForm = (scale: number, { words }: Pick<Ring, 'words'> = MODULO_32): Form =>
  words === 1 ? { dtype: 'uint32', modulus: 2 ** 32, scale } : { dtype: 'uint64', modulus: 2 ** 64, scale }

export interface Put {
  readonly payload: WirePayload
  /** The lowest sequence number of its chunks in the stream. */
  readonly first: number
}

/**
 * Puts bytes into a stream, in chunks; each is on the broker's disk when this resolves.
 * @param prefix of the subjects, which end with the payload's id and the number of the chunk
 * @param more `digest`: the bytes' SHA-256, if it is known; `trouble`: told if the broker does not take them; `form`:
 *   what the bytes are
 */
export async function putPayload(
  js: JetStreamClient,
  prefix: string,
  bytes: Uint8Array,
  signal: AbortSignal,
  { digest = sha256(bytes), trouble, form = FLOATS }: { digest?: string; trouble?: Trouble; form?: Form } = {},
): Promise<Put> {
  // Another name at each attempt: the broker would take a name that it has seen for a duplicate, and drop it.
  const id = randomBytes(9).toString('base64url')
  const chunks = Math.ceil(bytes.length / CHUNK)
  const put = (i: number) =>
    persist(
      () => js.publish(`${prefix}.${id}.${i}`, bytes.subarray(i * CHUNK, (i + 1) * CHUNK), LIMIT),
      signal,
      trouble,
    )
  const acks = await pMap(range(chunks), put, { concurrency: WINDOW })
  const first = acks.reduce((least, { seq }) => Math.min(least, seq), Number.POSITIVE_INFINITY)
  const payload = { id, bytes: bytes.length, chunks, sha256: digest }
  return { payload: { ...payload, ...form }, first }
}

const LIMIT = { timeout: CHUNK_TIME }

/**
 * What `putPayload` put.
 * @param jsm with CHUNK_TIME for an answer
 * @param most bytes that it may have
 * @returns undefined if a chunk is missing: the broker may have lost it
 * @throws FedunifyError (data) if it is too large, or its bytes are not those of its digest
 */
export async function getPayload(
  jsm: JetStreamManager,
  stream: string,
  prefix: string,
  payload: Pick<WirePayload, 'id' | 'bytes' | 'chunks' | 'sha256'>,
  { most, signal, who }: { most: number; signal: AbortSignal; who: string },
): Promise<Uint8Array | undefined> {
  const { id, bytes, chunks } = payload
  if (bytes > most || chunks !== Math.ceil(bytes / CHUNK)) {
    throw new FedunifyError('E_PAYLOAD', `${who} claims ${bytes} bytes in ${chunks} chunks, expected ${most} at most`)
  }
  const all = new Uint8Array(bytes)
  let missing = false
  const get = async (i: number) => {
    if (missing) return
    const last = { last_by_subj: `${prefix}.${id}.${i}` }
    const message = await persist(() => jsm.direct.getMessage(stream, last), signal)
    const expected = i < chunks - 1 ? CHUNK : bytes - i * CHUNK
    if (!message) missing = true
    else if (message.data.length !== expected) {
      throw new FedunifyError(
        'E_PAYLOAD',
        `chunk ${i} of ${who} has ${message.data.length} bytes, expected ${expected}`,
      )
    } else all.set(message.data, i * CHUNK)
  }
  await pMap(range(chunks), get, { concurrency: WINDOW })
  if (missing) return undefined
  if (sha256(all) !== payload.sha256) throw new FedunifyError('E_PAYLOAD', `${who} is not what its digest says`)
  return all
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)
