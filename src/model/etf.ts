/**
 * The columns of a simplex equiangular tight frame, one for each class: unit vectors of `features` numbers, of which any
 * two have the inner product -1 / (classes - 1), the least that so many can have in common.
 *
 * M = √(C / (C - 1)) P (I - 1 1ᵀ / C), where P has orthonormal columns. Here these are the first C vectors of the
 * discrete cosine transform, P_ik = √((2 - [k = 0]) / d) cos(π (i + 1/2) k / d): a closed form, so the frame depends on
 * nothing but its two sizes, and every party makes the same one. A random P would be as good: it only turns the frame.
 * Source: Li et al. 2023 (arXiv:2303.10058) (FedETF), eq. 3; Papyan, Han and Donoho 2020 (arXiv:2008.08186), definition 1.
 *
 * @param features at least as many as there are classes
 * @returns float32 [features, classes], row-major
 */
export function simplexFrame(features: number, classes: number): Float32Array {
  const frame = new Float32Array(features * classes)
  const size = Math.sqrt(classes / (classes - 1))
  for (let i = 0; i < features; i++) {
    const row = Array.from({ length: classes }, (_, k) => {
      return Math.sqrt((k === 0 ? 1 : 2) / features) * Math.cos((Math.PI * (i + 0.5) * k) / features)
    })
    const mean = row.reduce((sum, value) => sum + value, 0) / classes
    for (const [c, value] of row.entries()) frame[i * classes + c] = size * (value - mean)
  }
  return frame
}

/** Beside the squared length of a feature, so that one of length 0 has a direction, and a gradient, of 0. */
export const LENGTH_EPSILON = 1e-12
