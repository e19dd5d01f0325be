/**
 * The owners elect a sign, that of Σ fₖ δₖ, and the changes of this sign are averaged: Σ fₖ δₖ / Σ fₖ over them; 0 if
 * there are none. A sum of 0 elects +. (TIES, Yadav et al. 2023, arXiv:2306.01708, algorithm 1, steps 2 and 3.)
 * @param changes of one weight, by owner
 */
export function disjointMean(changes: Float64Array, factors: readonly number[]): number {
  let mass = 0
  for (let k = 0; k < changes.length; k++) mass += factors[k]! * changes[k]!
  if (Number.isNaN(mass)) return mass
  let sum = 0
  let total = 0
  for (let k = 0; k < changes.length; k++) {
    const change = changes[k]!
    if (mass >= 0 ? change > 0 : change < 0) {
      sum += factors[k]! * change
      total += factors[k]!
    }
  }
  return total === 0 ? 0 : sum / total
}
