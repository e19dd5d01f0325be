/** Bits of a float32 that is 2^-14, the least normal float16, and of one that float16 cannot hold. */
const [LEAST_NORMAL, TOO_LARGE] = [0x38800000, 0x47800000]
const [INFINITY, MAGNITUDE] = [0x7f800000, 0x7fffffff]

let halves: Float32Array | undefined

/** The float32 of every float16, by its bits. Source: IEEE 754-2019, binary16. */
function halfTable(): Float32Array {
  if (halves) return halves
  const table = new Float32Array(2 ** 16)
  for (let bits = 0; bits < table.length; bits++) {
    const [sign, exponent, mantissa] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
    if (exponent === 31) table[bits] = mantissa === 0 ? sign * Infinity : NaN
    else table[bits] = sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25))
  }
  halves = table
  return table
}

/** Exact: every float16 is a float32. */
export function fromFloat16(from: Uint16Array, to: Float32Array): void {
  const table = halfTable()
  for (let i = 0; i < to.length; i++) to[i] = table[from[i]!]!
}

/** Exact: a bfloat16 is the upper half of a float32. */
export function fromBfloat16(from: Uint16Array, to: Float32Array): void {
  const bits = bitsOf(to)
  for (let i = 0; i < to.length; i++) bits[i] = from[i]! << 16
}

/** To the nearest float16, of two that are equally near to the one whose last bit is 0. */
export function toFloat16(from: Float32Array, to: Uint16Array): void {
  const bits = bitsOf(from)
  for (let i = 0; i < from.length; i++) to[i] = half(bits[i]!)
}

/** To the nearest bfloat16, of two that are equally near to the one whose last bit is 0. */
export function toBfloat16(from: Float32Array, to: Uint16Array): void {
  const bits = bitsOf(from)
  for (let i = 0; i < from.length; i++) {
    const word = bits[i]!
    const isNumber = (word & MAGNITUDE) <= INFINITY
    to[i] = isNumber ? (word + 0x7fff + ((word >>> 16) & 1)) >>> 16 : (word >>> 16) | 0x40
  }
}

const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length)

/** Where float16 has a step of 2^-24, which is below 2^-14, its bits count these steps. */
function half(word: number): number {
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & MAGNITUDE
  if (magnitude > INFINITY) return sign | 0x7e00
  if (magnitude >= TOO_LARGE) return sign | 0x7c00
  // The exponent's bias is 15 instead of 127. What is rounded up beyond the largest becomes infinity, as it must.
  if (magnitude >= LEAST_NORMAL) {
    const moved = magnitude - (112 << 23)
    return sign | ((moved + 0xfff + ((moved >>> 13) & 1)) >>> 13)
  }
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return sign
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const steps = mantissa >>> shift
  const [rest, middle] = [mantissa & ((1 << shift) - 1), 1 << (shift - 1)]
  return sign | (rest > middle || (rest === middle && (steps & 1) === 1) ? steps + 1 : steps)
}
