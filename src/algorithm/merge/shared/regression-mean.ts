import { decompose, substitute, type Triangle } from '../../cholesky.ts'

/** What a Gram matrix is of, once what lies outside of its diagonal is multiplied by `alpha`. */
export interface Shrunk {
  /** Each owner's Σ x xᵀ of a layer's n inputs, the lower triangle, row by row: [n (n + 1) / 2]. */
  readonly grams: readonly Float32Array[]
  readonly alpha: number
}

/**
 * (Σ Gₖ)⁻¹ Σ Gₖ Wₖ in double precision, computed as A + (Σ Gₖ)⁻¹ Σ Gₖ (Wₖ - A) with the mean A of all Wₖ: it is the same,
 * and of inputs that no Gₖ knows, whose sum has no inverse, A stays.
 * @param weights each owner's W, [units, n], row-major
 * @param out takes [units, n]
 */
export function regressionMean(weights: readonly Float32Array[], { grams, alpha }: Shrunk, out: Float32Array): void {
  const n = inputsOf(grams[0]!)
  const units = out.length / n
  const mean = Float64Array.from(out, (_, at) => weights.reduce((sum, w) => sum + w[at]!, 0) / weights.length)
  const sum = Array.from({ length: n }, (_, i) => new Float64Array(i + 1))
  // [n, units]: a column for each unit.
  const x = new Float64Array(n * units)
  for (const [k, gram] of grams.entries()) {
    const w = weights[k]!
    const change = Float64Array.from(x, (_, at) => {
      const place = (at % units) * n + Math.floor(at / units)
      return w[place]! - mean[place]!
    })
    addProduct(sum, x, { gram, alpha, change, units })
  }
  for (const _ of decompose(sum, n * ROUNDING));
  substitute(sum, x)
  for (let at = 0; at < out.length; at++) out[at] = mean[at]! + x[(at % n) * units + Math.floor(at / n)]!
}

/** Of Gram matrices, which owners hand in as float32. */
const ROUNDING = 2 ** -24

/** From n (n + 1) / 2. */
const inputsOf = ({ length }: Float32Array) => (Math.sqrt(8 * length + 1) - 1) / 2

interface Term {
  readonly gram: Float32Array
  readonly alpha: number
  /** [n, units] */
  readonly change: Float64Array
  readonly units: number
}

/** Adds a shrunk Gram matrix to `sum`, and its product with a change to `products`. */
function addProduct(sum: Triangle, products: Float64Array, { gram, alpha, change, units }: Term): void {
  let at = 0
  for (const [i, row] of sum.entries()) {
    for (let j = 0; j <= i; j++) {
      const g = (i === j ? 1 : alpha) * gram[at++]!
      row[j]! += g
      if (g === 0) continue
      for (let u = 0; u < units; u++) products[i * units + u]! += g * change[j * units + u]!
      if (i === j) continue
      for (let u = 0; u < units; u++) products[j * units + u]! += g * change[i * units + u]!
    }
  }
}
