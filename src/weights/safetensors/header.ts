import { bytesOf, valuesOf } from './dtype.ts'
import { parseStrictJson } from './strict-json.ts'

export type Metadata = Readonly<Record<string, string>>

/** A tensor of a file: its values, row-major and little-endian, are the bytes `from` to `to` behind the header. */
export interface Entry {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly from: number
  readonly to: number
}

export interface Header {
  /** In the order of their values. */
  readonly entries: readonly Entry[]
  readonly metadata: Metadata
}

/** A tensor to be written; those of a header follow one another. */
export type NewEntry = Omit<Entry, 'from' | 'to'> & { readonly bytes: number }

/** Bytes that say how long the header is, before it. */
export const LENGTH_BYTES = 8

/** The most bytes that a header may have, so that nobody is made to read any number of them. */
const MOST_BYTES = 100_000_000

/** The file has an object of tensors, each an object, which has lists. */
const DEEPEST = 3

/**
 * The start of a safetensors file: 8 bytes of length (little-endian), and a JSON header that is padded with spaces to a
 * multiple of 8.
 * Source: the format section of huggingface/safetensors' README, and its reader (safetensors/src/tensor.rs).
 */
export function encodeHeader(entries: readonly NewEntry[], metadata: Metadata): Buffer<ArrayBuffer> {
  let offset = 0
  const members = [`"__metadata__":${JSON.stringify(metadata)}`]
  for (const { name, dtype, shape, bytes } of entries) {
    const entry = { dtype, shape, data_offsets: [offset, offset + bytes] }
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    offset += bytes
  }
  const json = Buffer.from(`{${members.join()}}`)
  const header = Buffer.alloc(LENGTH_BYTES + Math.ceil(json.length / 8) * 8, ' ')
  header.writeBigUInt64LE(BigInt(header.length - LENGTH_BYTES))
  json.copy(header, LENGTH_BYTES)
  return header
}

/**
 * How many bytes the header has, by the first 8 of a file of `size` bytes.
 * @throws Error that says what is wrong
 */
export function headerBytes(start: Uint8Array, size: number): number {
  if (start.length < LENGTH_BYTES) throw new Error('it is shorter than the length of a header')
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true)
  if (length > BigInt(size - LENGTH_BYTES)) throw new Error('the header is longer than the file')
  if (length > BigInt(MOST_BYTES)) throw new Error(`the header has ${length} bytes, ${MOST_BYTES} at most are allowed`)
  return Number(length)
}

/**
 * What a header says.
 * @param size bytes of the values behind it: each belongs to exactly one tensor
 * @throws Error that says what is wrong
 */
export function decodeHeader(bytes: Uint8Array, size: number): Header {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  if (!text.startsWith('{')) throw new Error('its header does not begin with {')
  if (text[lengthWithoutSpaces(text) - 1] !== '}') throw new Error('its header is not padded with spaces alone')
  const { __metadata__: metadata, ...tensors } = parseStrictJson(text, DEEPEST) as Record<string, unknown>
  const entries = Object.entries(tensors).map(([name, entry]) => entryOf(name, entry))
  entries.sort((a, b) => a.from - b.from || a.to - b.to)
  let end = 0
  for (const { name, from, to } of entries) {
    if (from !== end) throw new Error(`${name} begins at ${from}, where ${end} is the end of the tensor before it`)
    end = to
  }
  if (end !== size) throw new Error(`its tensors have ${end} bytes, and the file has ${size} for them`)
  return { entries, metadata: metadataOf(metadata) }
}

function lengthWithoutSpaces(text: string): number {
  let length = text.length
  while (text[length - 1] === ' ') length -= 1
  return length
}

function entryOf(name: string, given: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (given ?? {}) as Readonly<Record<string, unknown>>
  const wrong = (what: string) => new Error(`${name} ${what}`)
  if (typeof dtype !== 'string') throw wrong('has no type')
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((at) => Number.isSafeInteger(at) && at >= 0)) {
    throw wrong('has offsets that are none')
  }
  const [from, to] = offsets as [number, number]
  let bytes: number
  try {
    bytes = bytesOf(dtype, valuesOf(shape))
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error))
  }
  if (to - from !== bytes) throw wrong(`has ${to - from} bytes, and its shape has ${bytes}`)
  return { name, dtype, shape: shape as number[], from, to }
}

function metadataOf(given: unknown): Metadata {
  if (given === undefined) return {}
  const isText = (value: unknown) => typeof value === 'string'
  if (typeof given !== 'object' || given === null || Array.isArray(given) || !Object.values(given).every(isText)) {
    throw new Error('its __metadata__ is not made of texts')
  }
  return given as Metadata
}
