import { setImmediate } from 'node:timers/promises'
import { decompose, substitute } from '../cholesky.ts'

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
  const rows = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: i + 1 }, (_, j) => a[i * size + j]! / (scale[i]! * scale[j]!) + (i === j ? lambda : 0)),
  )
  for (const _ of decompose(rows)) {
    // Signals and the display come in between.
    await setImmediate()
    signal?.throwIfAborted()
  }
  const x = Float64Array.from(b, (value, at) => value / scale[Math.floor(at / columns)]!)
  substitute(rows, x)
  return x.map((value, at) => value / scale[Math.floor(at / columns)]!)
}
