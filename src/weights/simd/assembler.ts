/**
 * WebAssembly, as much of it as merging needs: a loop over 16 bytes at a time. Written by hand, because a compiler
 * would be one more thing to install. Codes: the binary format of webassembly.github.io/spec, SIMD included.
 */
export type Code = readonly number[]

/** A parameter or local of a function. */
export type Local = number

const PAGE = 65_536

/** LEB128, for numbers from 0. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
const sized = (code: Code): Code => [...unsigned(code.length), ...code]
const section = (id: number, code: Code): Code => [id, ...sized(code)]
const text = (value: string): Code => sized([...new TextEncoder().encode(value)])

const simd = (code: number): Code => [0xfd, ...unsigned(code)]
const memory = (code: number, alignment: number, offset: number): Code => [
  ...simd(code),
  alignment,
  ...unsigned(offset),
]

export const get = (local: Local): Code => [0x20, local]
export const set = (local: Local): Code => [0x21, local]
export const tee = (local: Local): Code => [0x22, local]
/** Twice an i32. */
export const twice = (local: Local): Code => [...get(local), 0x41, 1, 0x74]

export const v128 = {
  load: (offset: number) => memory(0x00, 4, offset),
  /** Two floats, zeros above them. */
  loadHalf: (offset: number) => memory(0x5d, 3, offset),
  store: (offset: number) => memory(0x0b, 4, offset),
  or: simd(0x50),
  and: simd(0x4e),
  /** a, b, mask: a where the mask is set. */
  select: simd(0x52),
  /** The lower halves of two. */
  lowerHalves: [...simd(0x0d), 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
} as const

export const f32x4 = { equal: simd(0x41), unequal: simd(0x42), greater: simd(0x44), abs: simd(0xe0) } as const

export const i32x4 = { equal: simd(0x37), greater: simd(0x3b) } as const

export const f64x2 = {
  splat: simd(0x14),
  promoteLow: simd(0x5f),
  /** To two floats, zeros above them. */
  demote: simd(0x5e),
  add: simd(0xf0),
  multiply: simd(0xf2),
  divide: simd(0xf3),
} as const

/** The parameters; where the body is, in single and in double precision; what it may use; and the doubles, twice each. */
const [BYTES, FACTOR, OTHER, TOTAL] = [0, 1, 2, 3]
export const [AT, WIDE] = [4, 5]
export const [A, B, ABS_A, ABS_B] = [6, 7, 8, 9]
export const [FACTORS, OTHERS, TOTALS] = [10, 11, 12]

/**
 * (bytes: i32, factor: f64, other: f64, total: f64) → nothing: `body` for AT = 0, 16, … below `bytes`, at least twice,
 * and an even number of times.
 */
export function sweep(body: Code): Code {
  const [I32, V128] = [0x7f, 0x7b]
  const locals = list([
    [2, I32],
    [7, V128],
  ])
  const splat = (one: Local, both: Local) => [...get(one), ...f64x2.splat, ...set(both)]
  const next = [...get(AT), 0x41, 16, 0x6a, ...tee(AT)]
  const again = [...get(BYTES), 0x49, 0x0d, 0]
  const loop = [0x03, 0x40, ...body, ...next, 0x1a, ...body, ...next, ...again, 0x0b]
  const doubles = [...splat(FACTOR, FACTORS), ...splat(OTHER, OTHERS), ...splat(TOTAL, TOTALS)]
  return sized([...locals, ...doubles, ...loop, 0x0b])
}

/** A module with a memory of its own, from which the sweeps are exported under their names. */
export function assemble(sweeps: Readonly<Record<string, Code>>, bytes: number): Uint8Array<ArrayBuffer> {
  const names = Object.keys(sweeps)
  const [I32, F64] = [0x7f, 0x7c]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([[0x60, 4, I32, F64, F64, F64, 0]])),
    ...section(3, list(names.map(() => [0]))),
    ...section(5, list([[0, ...unsigned(Math.ceil(bytes / PAGE))]])),
    ...section(7, list([[...text('memory'), 2, 0], ...names.map((name, i) => [...text(name), 0, ...unsigned(i)])])),
    ...section(10, list(Object.values(sweeps))),
  ])
}
