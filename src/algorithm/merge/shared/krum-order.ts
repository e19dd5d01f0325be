/**
 * Owners from the lowest score of Krum to the highest, the first of equals first. The score of an owner among n is the
 * sum of its squared distances to the n - f - 2 nearest others (Blanchard et al. 2017, arXiv:1703.02757, section 4).
 * @param squared distances of every two models
 * @param among the owners that are scored, by their places
 * @returns their places; of none if a distance is NaN: a broken model has no score, and no other one hides it
 */
export function krumOrder(squared: readonly (readonly number[])[], among: readonly number[], f: number): number[] {
  // Bulyan scores ever fewer owners; the last few by the nearest one.
  const neighbours = Math.max(1, among.length - f - 2)
  const scored = among.map((i) => {
    const others = among.flatMap((j) => (j === i ? [] : [squared[i]![j]!]))
    const nearest = Float64Array.from(others).sort().subarray(0, neighbours)
    const broken = others.some(Number.isNaN)
    return { i, score: broken ? Number.NaN : nearest.reduce((sum, distance) => sum + distance, 0) }
  })
  if (scored.some(({ score }) => Number.isNaN(score))) return []
  return scored.sort((a, b) => (a.score < b.score ? -1 : a.score > b.score ? 1 : 0)).map(({ i }) => i)
}

/** Why Krum is not defined on so many owners, if so. */
export const tooFewForKrum = (f: number, owners: number): string | undefined =>
  owners < 2 * f + 3 ? `with f ${f} it needs ${2 * f + 3} owners or more (2f + 3), there are ${owners}` : undefined
