/** Percentage points as a difference: +4.51, -0.30, 0.00; a dash if there is none. */
export function signedPoints(delta: number | undefined): string {
  if (delta === undefined) return '-'
  const text = delta.toFixed(2)
  return Number(text) === 0 ? '0.00' : delta > 0 ? `+${text}` : text
}
