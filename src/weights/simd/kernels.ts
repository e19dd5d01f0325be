import {
  A,
  AT,
  assemble,
  B,
  type Code,
  FACTORS,
  f32x4,
  f64x2,
  get,
  i32x4,
  OTHERS,
  set,
  sweep,
  TOTALS,
  twice,
  v128,
  WIDE,
} from './assembler.ts'

/**
 * Elements of a block: what is held of it in double precision, and the blocks of two owners, stay in a core's own
 * cache, and there are few enough blocks that to begin one costs nothing.
 */
export const BLOCK = 16_384

/**
 * Where the blocks lie, in bytes: those of two owners, sums in double precision, and the result. All of them end on
 * 32 bytes, so that a sweep may go on to there.
 */
const [ONE, OTHER, SUMS, RESULT, END] = [0, 4 * BLOCK, 8 * BLOCK, 16 * BLOCK, 20 * BLOCK]

/** Four values of single precision are two times two of double precision: from byte 0, and from byte 8. */
const HALVES = [0, 8] as const
const promoted = (at: number) => [...get(AT), ...v128.loadHalf(at), ...f64x2.promoteLow]
const times = (at: number, factors: number) => [...promoted(at), ...get(factors), ...f64x2.multiply]

/** Σ factor · value, in the owners' order, of one owner or two and of the sums so far, or of no sums so far. */
const total = (from: From, owners: Count) => (half: number) => {
  const first = times(ONE + half, FACTORS)
  const held = [...get(WIDE), ...v128.load(SUMS + 2 * half), ...first, ...f64x2.add]
  return [
    ...(from === 'add' ? held : first),
    ...(owners === 'Two' ? [...times(OTHER + half, OTHERS), ...f64x2.add] : []),
  ]
}
const wide = [...twice(AT), ...set(WIDE)]
const toSums = (sum: (half: number) => Code) =>
  sweep([...wide, ...HALVES.flatMap((half) => [...get(WIDE), ...sum(half), ...v128.store(SUMS + 2 * half)])])
const toResult = (sum: (half: number) => Code, operation: Code) => {
  const values = HALVES.flatMap((half) => [...sum(half), ...get(TOTALS), ...operation, ...f64x2.demote])
  return sweep([...wide, ...get(AT), ...values, ...v128.lowerHalves, ...v128.store(RESULT)])
}

type From = 'start' | 'add'
type Count = 'One' | 'Two'
type To = 'Sums' | 'Divide' | 'Multiply'

const TO: Readonly<Record<To, (sum: (half: number) => Code) => Code>> = {
  Sums: toSums,
  Divide: (sum) => toResult(sum, f64x2.divide),
  Multiply: (sum) => toResult(sum, f64x2.multiply),
}

/** Every way to add up: startOneSums, … */
const SUM_SWEEPS = Object.fromEntries(
  (['start', 'add'] as const).flatMap((from) =>
    (['One', 'Two'] as const).flatMap((count) =>
      (['Sums', 'Divide', 'Multiply'] as const).map((to) => [`${from}${count}${to}`, TO[to](total(from, count))]),
    ),
  ),
) as Readonly<Record<`${From}${Count}${To}`, Code>>

/** Puts the one owner's value or, if it is `better`, the other's in the place of the one's. */
const choose = (of: Code, better: Code) =>
  sweep([
    ...[...get(AT), ...get(AT), ...v128.load(OTHER), ...of, ...set(A), ...get(AT), ...v128.load(ONE), ...of, ...set(B)],
    ...[...get(A), ...get(B), ...better, ...v128.select, ...v128.store(ONE)],
  ])
const greater = [...get(A), ...get(B), ...f32x4.greater]
/** A NaN is always taken and, since no comparison with it holds, kept. */
const greaterOrNaN = [...greater, ...get(A), ...get(A), ...f32x4.unequal, ...v128.or]
/** Magnitudes are in order as integers too, and NaNs are above all of them. */
const magnitudes = [...get(A), ...f32x4.abs, ...get(B), ...f32x4.abs]
const absGreater = [
  ...[...magnitudes, ...i32x4.greater, ...magnitudes, ...i32x4.equal],
  ...[...greater, ...v128.and, ...v128.or],
]

const SWEEPS = {
  ...SUM_SWEEPS,
  max: choose([], greaterOrNaN),
  absmax: choose([], absGreater),
  magnitude: choose(f32x4.abs, greaterOrNaN),
}

export type SweepName = keyof typeof SWEEPS

/** Memory for one block of every kind, and all that merging does with it. */
export interface Workspace {
  /** Blocks of two owners, in single precision. */
  readonly one: Float32Array
  readonly other: Float32Array
  readonly sums: Float64Array
  readonly result: Float32Array
  /**
   * Each goes over the first `bytes` of the owners' blocks. Those that add up take the owners' factors and the number
   * by which to divide or multiply; what stands behind `bytes` may become anything.
   */
  readonly sweeps: Readonly<Record<SweepName, (bytes: number, factor: number, other: number, total: number) => void>>
}

/** Node has it, and its types do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

let made: Workspace | false | undefined

/**
 * This thread's workspace, made when its first merge begins. However little memory WebAssembly is to have, it takes
 * several GB of addresses: if the system does not give them (ulimit -v), there is none.
 */
export function workspace(): Workspace | undefined {
  made ??= make()
  return made || undefined
}

function make(): Workspace | false {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(SWEEPS, END)))
    const { buffer } = exports.memory as { readonly buffer: ArrayBuffer }
    return {
      one: new Float32Array(buffer, ONE, BLOCK),
      other: new Float32Array(buffer, OTHER, BLOCK),
      sums: new Float64Array(buffer, SUMS, BLOCK),
      result: new Float32Array(buffer, RESULT, BLOCK),
      sweeps: exports as unknown as Workspace['sweeps'],
    }
  } catch {
    return false
  }
}
