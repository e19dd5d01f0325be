import { fromBfloat16, fromFloat16 } from '../half.ts'

type Values = Readonly<ArrayLike<number | bigint>> & Iterable<number | bigint>

/** How values of each type are read; types that are not here (float8, complex) have no numbers of ours. */
const READERS: Readonly<Record<string, (buffer: ArrayBuffer, values: number) => Values>> = {
  BOOL: (buffer, values) => new Uint8Array(buffer, 0, values),
  U8: (buffer, values) => new Uint8Array(buffer, 0, values),
  I8: (buffer, values) => new Int8Array(buffer, 0, values),
  U16: (buffer, values) => new Uint16Array(buffer, 0, values),
  I16: (buffer, values) => new Int16Array(buffer, 0, values),
  U32: (buffer, values) => new Uint32Array(buffer, 0, values),
  I32: (buffer, values) => new Int32Array(buffer, 0, values),
  U64: (buffer, values) => new BigUint64Array(buffer, 0, values),
  I64: (buffer, values) => new BigInt64Array(buffer, 0, values),
  F32: (buffer, values) => new Float32Array(buffer, 0, values),
  F64: (buffer, values) => new Float64Array(buffer, 0, values),
  F16: halves(fromFloat16),
  BF16: halves(fromBfloat16),
}

function halves(convert: (from: Uint16Array, to: Float32Array) => void) {
  return (buffer: ArrayBuffer, values: number): Values => {
    const floats = new Float32Array(values)
    convert(new Uint16Array(buffer, 0, values), floats)
    return floats
  }
}

/** Values of a file as numbers; undefined for a type that has none here. */
export const numbersOf = (dtype: string, buffer: ArrayBuffer, values: number): Values | undefined =>
  Object.hasOwn(READERS, dtype) ? READERS[dtype]!(buffer, values) : undefined
