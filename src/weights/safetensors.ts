import { FedunifyError, messageOf } from '../errors.ts'
import {
  decodeHeader,
  type Entry,
  encodeHeader,
  headerBytes,
  LENGTH_BYTES,
  type Metadata,
} from './safetensors/header.ts'
import type { Tensor, Weights } from './weights.ts'

/** Weights as a safetensors file: its header, then the float32 values of all tensors in their order. */
export function encodeSafetensors(weights: Weights, metadata: Metadata = {}): Uint8Array {
  const header = headerOf(weights, metadata)
  const file = Buffer.alloc(header.length + valueBytes(weights))
  header.copy(file)
  let at = header.length
  for (const { data } of weights.values()) {
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(file, at)
    at += data.byteLength
  }
  return file
}

/** Bytes of the file that encodeSafetensors makes of these weights. It is not made: their shapes tell. */
export const safetensorsSize = (weights: Weights, metadata: Metadata = {}): number =>
  headerOf(weights, metadata).length + valueBytes(weights)

const headerOf = (weights: Weights, metadata: Metadata) =>
  encodeHeader(
    Array.from(weights, ([name, { shape, data }]) => ({ name, dtype: 'F32', shape, bytes: data.byteLength })),
    metadata,
  )

const valueBytes = (weights: Weights) => [...weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0)

/** @throws FedunifyError (data) if the bytes are no safetensors file of float32 tensors */
export function decodeSafetensors(bytes: Uint8Array, file: string): { weights: Weights; metadata: Metadata } {
  try {
    const start = LENGTH_BYTES + headerBytes(bytes, bytes.byteLength)
    const { entries, metadata } = decodeHeader(bytes.subarray(LENGTH_BYTES, start), bytes.byteLength - start)
    const values = bytes.subarray(start)
    return { weights: new Map(entries.map((entry) => [entry.name, tensorOf(values, entry)])), metadata }
  } catch (error) {
    throw new FedunifyError('E_RUN_DAMAGED', `${file}: not a safetensors file: ${messageOf(error)}`, undefined, {
      cause: error,
    })
  }
}

function tensorOf(values: Uint8Array, { name, dtype, shape, from, to }: Entry): Tensor {
  if (dtype !== 'F32') throw new Error(`${name} is ${dtype}, expected F32`)
  // A copy: the values need not lie on a multiple of four in the file.
  const data = new Float32Array((to - from) / 4)
  new Uint8Array(data.buffer).set(values.subarray(from, to))
  return { shape, data }
}
