/** How a dense layer changed in a step. */
export interface DenseChange {
  /** [units, inputs], row-major. */
  readonly rows: Float32Array
  /** [units]. */
  readonly bias: Float32Array
}

/**
 * The inputs of a dense layer from the gradient of one image: row i has δ_i x and its bias δ_i, so x is the quotient.
 * All units together, by least squares: x = Σ δ_i (δ_i x) / Σ δ_i². Undefined if no unit changed.
 * Source: Phong et al. 2018 (IEEE TIFS 13, 1333), eq. 3; Zhu and Blaschko 2021 (arXiv:2010.07733), R-GAP. It holds for a
 * dense layer wherever it stands: Geiping et al. 2020 (arXiv:2003.14053), proposition 3.1.
 */
export function inputOfOne({ rows, bias }: DenseChange): Float64Array | undefined {
  const inputs = rows.length / bias.length
  const sum = new Float64Array(inputs)
  let weight = 0
  for (const [i, delta] of bias.entries()) {
    weight += delta ** 2
    for (let j = 0; j < inputs; j++) sum[j]! += delta * rows[i * inputs + j]!
  }
  return weight === 0 ? undefined : sum.map((value) => value / weight)
}

/**
 * What each unit's quotient is: the image that alone moved it, or else a mixture of those that did; those that moved most
 * first.
 * Source: Fowl et al. 2022 (arXiv:2110.13057), section 3.
 */
export function inputsByUnit({ rows, bias }: DenseChange, most: number): Float64Array[] {
  const inputs = rows.length / bias.length
  return [...bias.keys()]
    .filter((i) => bias[i] !== 0)
    .sort((a, b) => Math.abs(bias[b]!) - Math.abs(bias[a]!))
    .slice(0, most)
    .map((i) => Float64Array.from(rows.subarray(i * inputs, (i + 1) * inputs), (value) => value / bias[i]!))
}
