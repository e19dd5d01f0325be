import { readFileSync, writeFileSync } from 'node:fs'
import { encodeHeader } from '../../src/weights/safetensors/header.ts'

/** A tensor of a file: its type, its shape and its bytes. */
export interface FileTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

const viewed = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength)

export const f32 = (...values: number[]): FileTensor => ({
  dtype: 'F32',
  shape: [values.length],
  data: viewed(Float32Array.from(values)),
})

/** By the bits of its values. */
export const half = (dtype: 'F16' | 'BF16', ...bits: number[]): FileTensor => ({
  dtype,
  shape: [bits.length],
  data: viewed(Uint16Array.from(bits)),
})

export const i64 = (...values: bigint[]): FileTensor => ({
  dtype: 'I64',
  shape: [values.length],
  data: viewed(BigInt64Array.from(values)),
})

/** Writes a safetensors file whose tensors follow one another in the order of their names here. */
export function writeModel(
  path: string,
  tensors: Readonly<Record<string, FileTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): string {
  const entries = Object.entries(tensors)
  const header = encodeHeader(
    entries.map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, bytes: data.length })),
    metadata,
  )
  writeFileSync(path, Buffer.concat([header, ...entries.map(([, { data }]) => data)]))
  return path
}

/** What a file holds, read without our own reader. */
export function readModelFile(path: string) {
  const file = readFileSync(path)
  const start = 8 + Number(file.readBigUInt64LE())
  const { __metadata__: metadata, ...entries } = JSON.parse(file.toString('utf8', 8, start))
  const tensors = Object.entries(entries as Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>)
  return {
    metadata: metadata as Record<string, string>,
    tensors: Object.fromEntries(
      tensors.map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          // A copy, so that it lies where values of any size may lie.
          const { buffer } = Uint8Array.from(file.subarray(start + from!, start + to!))
          return [name, { dtype, shape, values: valuesOf(dtype, buffer) }]
        },
      ),
    ),
  }
}

function valuesOf(dtype: string, buffer: ArrayBuffer): (number | bigint)[] {
  if (dtype === 'I64') return [...new BigInt64Array(buffer)]
  return dtype === 'F32' ? [...new Float32Array(buffer)] : [...new Uint16Array(buffer)]
}
