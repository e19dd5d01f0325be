import {
  A,
  ABS_A,
  ABS_B,
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
  tee,
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

const promoted = (at: number) => [...get(AT), ...v128.loadHalf(at), ...f64x2.promoteLow]
const times = (at: number, factors: number) => [...promoted(at), ...get(factors), ...f64x2.multiply]

/** What to add up, of the two values from byte `half` on. */
type Sum = (half: 0 | 8) => Code

const one: Sum = (half) => times(ONE + half, FACTORS)
const two: Sum = (half) => [...one(half), ...times(OTHER + half, OTHERS), ...f64x2.add]
const sumsAndOne: Sum = (half) => [...get(WIDE), ...v128.load(SUMS + 2 * half), ...one(half), ...f64x2.add]
const sumsAndTwo: Sum = (half) => [...sumsAndOne(half), ...times(OTHER + half, OTHERS), ...f64x2.add]

const wide = [...twice(AT), ...set(WIDE)]
/** Four values of single precision are two times two of double precision. */
const toSums = (sum: Sum) => {
  const store = (half: 0 | 8) => [...get(WIDE), ...sum(half), ...v128.store(SUMS + 2 * half)]
  return sweep([...wide, ...store(0), ...store(8)])
}
const toResult = (sum: Sum, operation: Code) => {
  const merged = (half: 0 | 8) => [...sum(half), ...get(TOTALS), ...operation, ...f64x2.demote]
  return sweep([...wide, ...get(AT), ...merged(0), ...merged(8), ...v128.lowerHalves, ...v128.store(RESULT)])
}

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
const absGreater = [
  ...[...get(A), ...f32x4.abs, ...tee(ABS_A), ...get(B), ...f32x4.abs, ...tee(ABS_B), ...i32x4.greater],
  ...[...get(ABS_A), ...get(ABS_B), ...i32x4.equal, ...greater, ...v128.and, ...v128.or],
]

/** Σ factor · value of one owner or two, in their order; `add…` begins with the sums so far, and `start…` with none. */
const SWEEPS = {
  startTwo: toSums(two),
  addTwo: toSums(sumsAndTwo),
  startOneDivide: toResult(one, f64x2.divide),
  startTwoDivide: toResult(two, f64x2.divide),
  addOneDivide: toResult(sumsAndOne, f64x2.divide),
  addTwoDivide: toResult(sumsAndTwo, f64x2.divide),
  startOneMultiply: toResult(one, f64x2.multiply),
  startTwoMultiply: toResult(two, f64x2.multiply),
  addOneMultiply: toResult(sumsAndOne, f64x2.multiply),
  addTwoMultiply: toResult(sumsAndTwo, f64x2.multiply),
  max: choose([], greaterOrNaN),
  absmax: choose([], absGreater),
  magnitude: choose(f32x4.abs, greaterOrNaN),
}

/** Memory for one block of every kind, and all that merging does with it. */
export interface Workspace {
  /** Blocks of two owners, in single precision. */
  readonly one: Float32Array
  readonly other: Float32Array
  readonly sums: Float64Array
  readonly result: Float32Array
  readonly sweeps: Readonly<Record<keyof typeof SWEEPS, Sweep>>
}

/**
 * Goes over the first `bytes` of the owners' blocks; what is behind them may become anything. Those that add up take
 * the owners' factors and by what to divide or multiply.
 */
type Sweep = (bytes: number, factor: number, other: number, total: number) => void

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
