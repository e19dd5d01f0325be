/** The largest of many numbers: as arguments of Math.max they would overflow the stack. */
export const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** Mean and standard deviation of a sample. */
export interface Estimate {
  readonly mean: number
  /** With n - 1 in the denominator; NaN for a single value. */
  readonly sd: number
}

export function estimate(values: readonly number[]): Estimate {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return { mean: middle, sd: values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1)) }
}

/** The value below which a part `q` of the sorted values lies, interpolated. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}

/** The smallest, the middle and the largest of values in any order. */
export function extremes(values: readonly number[]): { min: number; median: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)! }
}
