import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.ts'
import type { FloatType } from './safetensors/dtype.ts'

/** Bytes of a value. */
export const floatBytes = (dtype: FloatType): number => (dtype === 'F32' ? 4 : 2)

/**
 * Values of a file as float32: its own memory if they are that there, else converted, which is exact.
 * @param buffer begins with so many values
 * @param memory gives some for converted values
 */
export function decodeFloats(
  dtype: FloatType,
  buffer: ArrayBufferLike,
  values: number,
  memory: (length: number) => Float32Array,
): Float32Array {
  if (dtype === 'F32') return new Float32Array(buffer, 0, values)
  const [halves, floats] = [new Uint16Array(buffer, 0, values), memory(values)]
  ;(dtype === 'F16' ? fromFloat16 : fromBfloat16)(halves, floats)
  return floats
}

/**
 * The bytes of values in a file, rounded to the nearest that the type has, of two that are equally near to the even one.
 * @returns the memory of the values themselves if they are float32
 */
export function encodeFloats(dtype: FloatType, values: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const halves = new Uint16Array(values.length)
  ;(dtype === 'F16' ? toFloat16 : toBfloat16)(values, halves)
  return new Uint8Array(halves.buffer)
}

/** Where the first NaN or infinity is, or -1. */
export function nonFiniteAt(values: Float32Array): number {
  // 0 · x is 0 if x is finite, else NaN; four sums at a time, since each addition waits for the one before it.
  const whole = values.length - (values.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    a += 0 * values[i]!
    b += 0 * values[i + 1]!
    c += 0 * values[i + 2]!
    d += 0 * values[i + 3]!
  }
  for (let i = whole; i < values.length; i++) a += 0 * values[i]!
  return a + b + c + d === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value))
}

/** Where the first value is that is infinite in a file's type, or -1. */
export function tooLargeAt(dtype: FloatType, encoded: Uint8Array): number {
  if (dtype === 'F32') return -1
  const [exponent, one] = dtype === 'F16' ? [0x7c00, 0x0400] : [0x7f80, 0x0080]
  const halves = new Uint16Array(encoded.buffer, encoded.byteOffset, encoded.length / 2)
  let any = 0
  for (let i = 0; i < halves.length; i++) any |= (halves[i]! & exponent) + one
  return any & 0x8000 ? halves.findIndex((half) => (half & exponent) === exponent) : -1
}
