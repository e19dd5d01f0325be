import type { OwnerWeights } from './rule.ts'

/**
 * How far the owners' weights lie apart, for each tensor: √(1/k Σ‖wₖ - w̄‖²) / ‖w̄‖, their root mean square distance
 * from the mean w̄ in units of its length. 0: all the same; above 1: the owners differ more than they share.
 */
export function drift(owners: readonly OwnerWeights[]): Record<string, number> {
  const [first] = owners
  if (!first) return {}
  return Object.fromEntries(
    [...first.weights.keys()].map((name) => [name, tensorDrift(owners.map(({ weights }) => weights.get(name)!.data))]),
  )
}

function tensorDrift(values: readonly Float32Array[]): number {
  const sums = new Float64Array(values[0]!.length)
  let squares = 0
  for (const owner of values) {
    for (let i = 0; i < sums.length; i++) {
      sums[i]! += owner[i]!
      squares += owner[i]! ** 2
    }
  }
  // Σ‖wₖ - w̄‖² = Σ‖wₖ‖² - k‖w̄‖², which rounding may leave a little below 0 where all are equal.
  const meanSquare = sums.reduce((total, sum) => total + (sum / values.length) ** 2, 0)
  const apart = Math.max(0, squares / values.length - meanSquare)
  return meanSquare === 0 ? 0 : Math.sqrt(apart / meanSquare)
}
