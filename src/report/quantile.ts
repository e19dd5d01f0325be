/** The value below which a part `q` of the sorted values lies, interpolated. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}

/** The smallest, the middle and the largest: what is told of more owners than fit a line. */
export function extremes(values: readonly number[]): { min: number; median: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)! }
}
