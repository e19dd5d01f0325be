/** The largest of many numbers: as arguments of Math.max they would overflow the stack. */
export const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
