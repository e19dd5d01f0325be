/** Sums that are no longer needed, for the next of their length: memory that is new from the system is slow. */
const free: Float64Array[] = []

/** Memory for sums, with anything in it. */
export function takeSums(length: number): Float64Array {
  const at = free.findIndex((sums) => sums.length === length)
  return at < 0 ? new Float64Array(length) : free.splice(at, 1)[0]!
}

/** Gives sums back, which nobody reads any more. */
export const giveSums = (sums: Float64Array): void => void free.push(sums)
