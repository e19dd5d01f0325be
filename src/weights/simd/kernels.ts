import {
  A,
  AT,
  assemble,
  B,
  type Code,
  FACTORS,
  FIRSTS,
  f32x4,
  f64x2,
  get,
  i32x4,
  set,
  sweep,
  TOTALS,
  twice,
  v128,
  WIDE,
} from './assembler.ts'
import { BLOCK, type Sweep, type SweepName, type Workspace } from './sweeps.ts'

/** Where the block of an owner, what is held, and the result lie, in bytes. */
const [VALUES, HELD, RESULT, END] = [0, 4 * BLOCK, 12 * BLOCK, 16 * BLOCK]

const UPPER = 8
const promoted = (at: number) => [...get(AT), ...v128.loadHalf(at), ...f64x2.promoteLow]
const scaled = (half: number) => [...promoted(VALUES + half), ...get(FACTORS), ...f64x2.multiply]
/** The first of two owners' values, which stand where else sums are held. */
const scaledFirst = (half: number) => [...promoted(HELD + half), ...get(FIRSTS), ...f64x2.multiply]
const both = (half: number) => [...scaledFirst(half), ...scaled(half), ...f64x2.add]
const sums = (half: number) => [...get(WIDE), ...v128.load(HELD + 2 * half)]
const toSums = (half: number, value: Code) => [...get(WIDE), ...value, ...v128.store(HELD + 2 * half)]
const plus = (half: number) => [...sums(half), ...scaled(half), ...f64x2.add]
const wide = [...twice(AT), ...set(WIDE)]
const shrink = (sum: (half: number) => Code, operation: Code) => {
  const quotient = (half: number) => [...sum(half), ...get(TOTALS), ...operation, ...f64x2.demote]
  return sweep([
    ...wide,
    ...[...get(AT), ...quotient(0), ...quotient(UPPER), ...v128.lowerHalves],
    ...v128.store(RESULT),
  ])
}

/** What takes the owner's A in the place of the held B. */
const choose = (of: Code, better: Code) =>
  sweep([
    ...[...get(AT), ...get(AT), ...v128.load(VALUES), ...of, ...set(A), ...get(AT), ...v128.load(HELD), ...set(B)],
    ...[...get(A), ...get(B), ...better, ...v128.select, ...v128.store(HELD)],
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

/** What plainWorkspace (sweeps.ts) says of each, to the same bits. */
const SWEEPS: Readonly<Record<SweepName, Code>> = {
  start: sweep([...wide, ...toSums(0, scaled(0)), ...toSums(UPPER, scaled(UPPER))]),
  add: sweep([...wide, ...toSums(0, plus(0)), ...toSums(UPPER, plus(UPPER))]),
  divide: shrink(sums, f64x2.divide),
  multiply: shrink(sums, f64x2.multiply),
  addDivide: shrink(plus, f64x2.divide),
  addMultiply: shrink(plus, f64x2.multiply),
  pairDivide: shrink(both, f64x2.divide),
  pairMultiply: shrink(both, f64x2.multiply),
  max: choose([], greaterOrNaN),
  absmax: choose([], absGreater),
  magnitude: choose(f32x4.abs, greaterOrNaN),
}

/** Node has it, and its types do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

/**
 * A workspace in WebAssembly, whose sweeps go over bytes rounded up to 32.
 * @throws RangeError where the system does not give it its memory
 */
export function simdWorkspace(): Workspace {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(SWEEPS, END)))
  const { buffer } = exports.memory as { readonly buffer: ArrayBuffer }
  return {
    values: new Float32Array(buffer, VALUES, BLOCK),
    heldSums: new Float64Array(buffer, HELD, BLOCK),
    heldValues: new Float32Array(buffer, HELD, BLOCK),
    result: new Float32Array(buffer, RESULT, BLOCK),
    sweeps: exports as unknown as Readonly<Record<SweepName, Sweep>>,
  }
}
