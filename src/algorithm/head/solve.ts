import { setImmediate } from 'node:timers/promises'

/** Rows between two pauses. */
const ROWS = 64

/**
 * X with (S⁻¹ A S⁻¹ + lambda I) S X = S⁻¹ B, where S² is the diagonal of A / images: a ridge on columns of one length,
 * so that lambda means the same for features of any size. By Cholesky's decomposition.
 * @param a symmetric, positive semidefinite [size, size]
 * @param b [size, columns]
 * @param images that A sums over
 * @returns [size, columns]
 * @throws the signal's reason if it was aborted
 */
export async function solveRidge(
  { a, b, size, images }: { a: Float64Array; b: Float64Array; size: number; images: number },
  lambda: number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const columns = b.length / size
  // A feature that is 0 for every image gets no weight.
  const scale = Float64Array.from({ length: size }, (_, i) => Math.sqrt(a[i * size + i]! / images) || 1)
  const l = new Float64Array(size ** 2)
  const rows = Array.from({ length: size }, (_, i) => l.subarray(i * size, i * size + i + 1))
  for (const [i, own] of rows.entries()) {
    // Thousands of unknowns take a while: signals and the display come in between.
    if (i % ROWS === ROWS - 1) {
      await setImmediate()
      signal?.throwIfAborted()
    }
    for (let j = 0; j <= i; j++) {
      const other = rows[j]!
      let sum = a[i * size + j]! / (scale[i]! * scale[j]!) + (i === j ? lambda : 0)
      for (let k = 0; k < j; k++) sum -= own[k]! * other[k]!
      own[j] = i === j ? Math.sqrt(sum) : sum / other[j]!
    }
  }
  const x = new Float64Array(b.length)
  for (let c = 0; c < columns; c++) {
    const y = new Float64Array(size)
    for (const [i, own] of rows.entries()) {
      let sum = b[i * columns + c]! / scale[i]!
      for (let k = 0; k < i; k++) sum -= own[k]! * y[k]!
      y[i] = sum / own[i]!
    }
    for (let i = size - 1; i >= 0; i--) {
      const own = rows[i]!
      y[i]! /= own[i]!
      for (let k = 0; k < i; k++) y[k]! -= own[k]! * y[i]!
      x[i * columns + c] = y[i]! / scale[i]!
    }
  }
  return x
}
