/** Bits of a value, by the names that safetensors gives to types (`Dtype` of huggingface/safetensors). */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
}

/** Types of values that can be merged, by the names that people give them. */
export const FLOAT_TYPES = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const

export type FloatName = keyof typeof FLOAT_TYPES

export type FloatType = (typeof FLOAT_TYPES)[FloatName]

export const FLOAT_NAMES = Object.keys(FLOAT_TYPES) as FloatName[]

export const isFloatType = (dtype: string): dtype is FloatType => Object.values<string>(FLOAT_TYPES).includes(dtype)

/**
 * Bytes of so many values.
 * @throws Error if the type is none, or the values do not fill whole bytes
 */
export function bytesOf(dtype: string, values: number): number {
  if (!Object.hasOwn(BITS, dtype)) throw new Error(`has the type ${JSON.stringify(dtype)}, which is none`)
  const bits = values * BITS[dtype]!
  if (!Number.isSafeInteger(bits) || bits % 8 !== 0)
    throw new Error(`has ${values} values of ${dtype}, which are no whole bytes`)
  return bits / 8
}

/**
 * How many values a shape has: 1 if it has no axes.
 * @throws Error if it is no list of whole numbers from 0, or of more values than can be counted
 */
export function valuesOf(shape: unknown): number {
  // Strings and lists of one number would pass for numbers below, and be none in what is made of them.
  if (!Array.isArray(shape) || !shape.every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw new Error('has a shape that is none')
  }
  return shape.reduce((values: number, side: number) => {
    if (!Number.isSafeInteger(values * side)) throw new Error('has a shape of too many values')
    return values * side
  }, 1)
}
