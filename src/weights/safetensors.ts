import { FedunifyError, messageOf } from '../errors.ts'
import type { Tensor, Weights } from './weights.ts'

/**
 * Weights as a safetensors file: 8 bytes of header length (little-endian), a JSON header padded with spaces to a
 * multiple of 8, then the float32 values of all tensors in their order.
 * Source: the format section of huggingface/safetensors' README.
 */
export function encodeSafetensors(weights: Weights, metadata: Metadata = {}): Uint8Array {
  const { json, start, size } = layoutOf(weights, metadata)
  const file = Buffer.alloc(size, ' ')
  file.writeBigUInt64LE(BigInt(start - 8))
  json.copy(file, 8)
  let at = start
  for (const { data } of weights.values()) {
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(file, at)
    at += data.byteLength
  }
  return file
}

/** Bytes of the file that encodeSafetensors makes of these weights. It is not made: their shapes tell. */
export const safetensorsSize = (weights: Weights, metadata: Metadata = {}): number => layoutOf(weights, metadata).size

type Metadata = Readonly<Record<string, string>>

/** The header, where the values start, and where they end. */
function layoutOf(weights: Weights, metadata: Metadata): { json: Buffer; start: number; size: number } {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const [name, { shape, data }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = Buffer.from(JSON.stringify(header))
  const start = 8 + Math.ceil(json.length / 8) * 8
  return { json, start, size: start + offset }
}

/** @throws FedunifyError (data) if the bytes are no safetensors file of float32 tensors */
export function decodeSafetensors(
  bytes: Uint8Array,
  file: string,
): { weights: Weights; metadata: Record<string, string> } {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const start = 8 + Number(view.getBigUint64(0, true))
    if (start > bytes.byteLength) throw new Error('the header is longer than the file')
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, Entry>
    const { __metadata__: metadata, ...entries } = header
    const weights = new Map<string, Tensor>()
    for (const [name, entry] of Object.entries(entries)) weights.set(name, tensorAt(bytes, start, name, entry))
    return { weights, metadata: (metadata ?? {}) as unknown as Record<string, string> }
  } catch (error) {
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: not a safetensors file: ${messageOf(error)}`, undefined, {
      cause: error,
    })
  }
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

function tensorAt(bytes: Uint8Array, start: number, name: string, { dtype, shape, data_offsets }: Entry): Tensor {
  if (dtype !== 'F32') throw new Error(`${name} is ${dtype}, expected F32`)
  // Strings and lists of one number would pass for numbers below, and be none in what is made of them.
  if (!Array.isArray(shape) || !shape.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw new Error(`${name} has a shape that is none`)
  }
  const [from, to] = data_offsets
  const length = shape.reduce((n, d) => n * d, 1)
  if (!Number.isSafeInteger(from) || from < 0 || to - from !== length * 4 || start + to > bytes.byteLength)
    throw new Error(`${name} does not fit the file`)
  // A copy: the values need not lie on a multiple of four in the file.
  const data = new Float32Array(length)
  new Uint8Array(data.buffer).set(bytes.subarray(start + from, start + to))
  return { shape, data }
}
