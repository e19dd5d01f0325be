/**
 * Puts the owners' i-th values into `column` in order of size.
 * @returns whether all are numbers: NaNs come last
 */
export function sorted(values: readonly Float32Array[], i: number, column: Float32Array): boolean {
  for (const [k, w] of values.entries()) column[k] = w[i]!
  column.sort()
  return !Number.isNaN(column.at(-1))
}
