/**
 * Elements of a block: what is held of it in double precision, and a block of an owner, stay in a core's own cache, and
 * there are few enough blocks that to begin one costs nothing.
 */
export const BLOCK = 16_384

/** Goes over the first `bytes` of the owner's block; what stands behind them may become anything. */
export type Sweep = (bytes: number, factor: number, total: number, first: number) => void

/** Memory for one block of every kind, and all that merging does with it. */
export interface Workspace {
  /** The owner's block. */
  readonly values: Float32Array
  /** What is held of a block, in one place: sums in double precision, or the values chosen so far. */
  readonly heldSums: Float64Array
  readonly heldValues: Float32Array
  readonly result: Float32Array
  readonly sweeps: Readonly<Record<SweepName, Sweep>>
}

export type SweepName =
  | ('start' | 'add' | 'divide' | 'multiply' | 'addDivide' | 'addMultiply')
  | ('pairDivide' | 'pairMultiply' | 'max' | 'absmax' | 'magnitude')

type Formula = (value: number, held: number, factor: number, total: number, first: number) => number

/**
 * The sweeps as they are defined, in double precision, rounded where they are stored in single. V8 does not vectorise
 * them: simd/kernels.ts has them at twice to twenty times the speed, to the same bits.
 */
export function plainWorkspace(): Workspace {
  const values = new Float32Array(BLOCK)
  const heldSums = new Float64Array(BLOCK)
  const heldValues = new Float32Array(heldSums.buffer, 0, BLOCK)
  const result = new Float32Array(BLOCK)
  const sweep = (held: Float64Array | Float32Array, to: Float64Array | Float32Array, formula: Formula): Sweep => {
    return (bytes, factor, total, first) => {
      for (let i = 0; i < bytes / 4; i++) to[i] = formula(values[i]!, held[i]!, factor, total, first)
    }
  }
  const toSums = (formula: Formula) => sweep(heldSums, heldSums, formula)
  const shrink = (formula: Formula) => sweep(heldSums, result, formula)
  const pair = (formula: Formula) => sweep(heldValues, result, formula)
  const choose = (formula: Formula) => sweep(heldValues, heldValues, formula)
  const sweeps = {
    start: toSums((value, _, factor) => factor * value),
    add: toSums((value, held, factor) => held + factor * value),
    divide: shrink((_, held, __, total) => held / total),
    multiply: shrink((_, held, __, total) => held * total),
    addDivide: shrink((value, held, factor, total) => (held + factor * value) / total),
    addMultiply: shrink((value, held, factor, total) => (held + factor * value) * total),
    pairDivide: pair((value, held, factor, total, first) => (first * held + factor * value) / total),
    pairMultiply: pair((value, held, factor, total, first) => (first * held + factor * value) * total),
    max: choose(greater),
    absmax: choose(absGreater),
    magnitude: choose((value, held) => greater(Math.abs(value), held)),
  }
  return { values, heldSums, heldValues, result, sweeps }
}

/** A NaN is always taken and, since no comparison with it holds, kept. */
const greater = (value: number, held: number) => (value > held || Number.isNaN(value) ? value : held)

/** Of two with the same magnitude the positive one. */
function absGreater(value: number, held: number): number {
  const [a, b] = [Math.abs(value), Math.abs(held)]
  return a > b || (a === b && value > held) || Number.isNaN(value) ? value : held
}
