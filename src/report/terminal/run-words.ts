/** 28, or 28 to 30. */
export function range(numbers: readonly number[]): string {
  if (numbers.length === 0) return '-'
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return least === most ? String(least) : `${least} to ${most}`
}

/** What JSON has for a number that there is not. */
export const nullable = (value: number): number | null => (Number.isNaN(value) ? null : value)
