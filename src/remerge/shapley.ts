/**
 * The Shapley value of each player: what it adds to a coalition, on average over all orders in which the players can
 * come: φᵢ = Σ_{S ∌ i} |S|! (n - |S| - 1)! / n! · (v(S ∪ i) - v(S)). The values add up to v(all) - v(none).
 * Source: Shapley 1953, A value for n-person games; of data owners: Ghorbani and Zou 2019, arXiv:1904.02868, eq. 1.
 * @param values v of each coalition: bit i of its index says whether player i (from 0) is in it; 2ⁿ of them
 */
export function shapleyValues(values: readonly number[]): number[] {
  const n = Math.log2(values.length)
  return Array.from({ length: n }, (_, player) => {
    let sum = 0
    for (let coalition = 0; coalition < values.length; coalition++) {
      if (coalition & (1 << player)) continue
      sum += weight(sizeOf(coalition), n) * (values[coalition | (1 << player)]! - values[coalition]!)
    }
    return sum
  })
}

/** |S|! (n - |S| - 1)! / n! = 1 / (n · C(n - 1, |S|)) */
function weight(size: number, n: number): number {
  let choose = 1
  for (let k = 1; k <= size; k++) choose = (choose * (n - k)) / k
  return 1 / (n * choose)
}

function sizeOf(coalition: number): number {
  let size = 0
  for (let rest = coalition; rest > 0; rest >>= 1) size += rest & 1
  return size
}
