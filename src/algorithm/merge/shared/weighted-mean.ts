/**
 * Σ fₖ wₖ / Σ fₖ, for the elements from `from` to before `end`. An owner of factor 0 has no part, save that its NaN
 * stays one. If all factors are 0 there is no mean: NaN.
 */
export function weightedMean(
  values: readonly Float32Array[],
  factors: readonly number[],
  out: Float32Array,
  from = 0,
  end = out.length,
): void {
  const total = factors.reduce((sum, factor) => sum + factor, 0)
  for (let i = from; i < end; i++) {
    let sum = -0 // What leaves every number as it is, -0 too.
    for (let k = 0; k < factors.length; k++) {
      const value = values[k]![i]!
      if (factors[k] !== 0 || Number.isNaN(value)) sum += factors[k]! * value
    }
    out[i] = sum / total
  }
}
