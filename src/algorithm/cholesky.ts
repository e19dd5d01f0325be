/** The lower triangle of a symmetric matrix: row i has i + 1 values. */
export type Triangle = readonly Float64Array[]

/** Rows between two pauses. */
const PAUSE = 64

/** Rows that are worked on together: what they are multiplied with is read once for all of them. */
const BLOCK = 4

/**
 * Cholesky's decomposition A = L Lᵀ, in place. It pauses now and then, because thousands of unknowns take a while.
 * @param a positive semidefinite
 * @param vanishing the share of a diagonal element up to which what is left of it is rounding: then A says nothing of
 *   this unknown that it does not say of others, and `substitute` gives it 0
 */
export function* decompose(a: Triangle, vanishing?: number): Generator<void> {
  for (let from = 0; from < a.length; from += BLOCK) {
    if (from % PAUSE === 0 && from > 0) yield
    const block = a.slice(from, from + BLOCK)
    const [one, two, three, four] = block
    if (four) for (let j = 0; j < from; j++) solveFour(one!, two!, three!, four, a[j]!)
    for (const [at, row] of block.entries()) {
      const i = from + at
      for (let j = four ? from : 0; j <= i; j++) {
        const other = a[j]!
        const whole = row[j]!
        let left = whole
        for (let k = 0; k < j; k++) left -= row[k]! * other[k]!
        if (i > j) row[j] = left / other[j]!
        else
          row[j] = vanishing !== undefined && !(left > vanishing * whole) ? Number.POSITIVE_INFINITY : Math.sqrt(left)
      }
    }
  }
}

/** Column j of four rows of L, where `other` is row j. Each sum has the order of a row by itself. */
function solveFour(a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array, other: Float64Array): void {
  const j = other.length - 1
  let [sumA, sumB, sumC, sumD] = [a[j]!, b[j]!, c[j]!, d[j]!]
  for (let k = 0; k < j; k++) {
    const value = other[k]!
    sumA -= a[k]! * value
    sumB -= b[k]! * value
    sumC -= c[k]! * value
    sumD -= d[k]! * value
  }
  const pivot = other[j]!
  a[j] = sumA / pivot
  b[j] = sumB / pivot
  c[j] = sumC / pivot
  d[j] = sumD / pivot
}

/**
 * X with L Lᵀ X = B, in the place of B.
 * @param b [size, columns], row-major
 */
export function substitute(l: Triangle, b: Float64Array): void {
  const columns = b.length / l.length
  const rowOf = (i: number) => b.subarray(i * columns, (i + 1) * columns)
  for (const [i, row] of l.entries()) {
    const own = rowOf(i)
    for (let k = 0; k < i; k++) subtract(own, row[k]!, b, k * columns)
    divide(own, row[i]!)
  }
  for (let i = l.length - 1; i >= 0; i--) {
    const row = l[i]!
    const own = rowOf(i)
    divide(own, row[i]!)
    for (let k = 0; k < i; k++) subtract(rowOf(k), row[k]!, b, i * columns)
  }
}

function subtract(from: Float64Array, factor: number, values: Float64Array, at: number): void {
  for (let c = 0; c < from.length; c++) from[c]! -= factor * values[at + c]!
}

function divide(values: Float64Array, by: number): void {
  for (let c = 0; c < values.length; c++) values[c]! /= by
}
