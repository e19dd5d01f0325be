/**
 * Puts the owners' i-th values into `column` in order of size.
 * @returns whether all are numbers: NaNs come last
 */
export function sorted(values: readonly Float32Array[], i: number, column: Float32Array): boolean {
  for (let k = 0; k < column.length; k++) column[k] = values[k]![i]!
  column.sort()
  return !Number.isNaN(column.at(-1))
}
