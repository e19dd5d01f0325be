/** A linear map of `domain` onto `range`, in either direction. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): (x: number) => number {
  const [d0, d1] = domain
  const [r0, r1] = range
  return (x) => (d1 === d0 ? (r0 + r1) / 2 : r0 + ((x - d0) / (d1 - d0)) * (r1 - r0))
}

const STEPS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000]

/** Whole numbers to label an axis from `low` to `high` with: both ends, and round ones between, `most` or fewer. */
export function roundTicks(low: number, high: number, most: number): number[] {
  const step = STEPS.find((s) => (high - low) / s <= most - 1) ?? Math.ceil((high - low) / (most - 1))
  const between: number[] = []
  for (let x = Math.ceil((low + 1) / step) * step; x < high; x += step) between.push(x)
  // A round number right beside an end would run into its label.
  const inner = between.filter((x) => x - low >= step / 2 && high - x >= step / 2)
  return low === high ? [low] : [low, ...inner, high]
}

/** An axis for accuracies in percent: from a round number below the lowest to 100, and where to label it. */
export function percentAxis(values: readonly number[]): { domain: [number, number]; ticks: number[] } {
  const lowest = Math.min(100, ...values)
  const step = lowest < 45 ? 20 : lowest < 75 ? 10 : lowest < 92 ? 5 : 2
  const low = Math.max(0, Math.floor((lowest - step / 4) / step) * step)
  const ticks: number[] = []
  for (let tick = 100; tick >= low; tick -= step) ticks.unshift(tick)
  return { domain: [low, 100], ticks }
}

/**
 * Moves labels apart: the positions nearest to the wanted ones (least squares) that keep their order, `gap` between
 * neighbours, and the bounds; with a smaller gap if these have no room for it.
 * @returns in the order of `wanted`
 */
export function spread(wanted: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!)
  const room = Math.min(gap, (high - low) / Math.max(1, order.length - 1))
  // Less the gaps before it, each position has only to be no less than the one before: isotonic regression, by pooling
  // neighbours that are in the wrong order into their mean.
  const pools: { mean: number; size: number }[] = []
  for (const [rank, i] of order.entries()) {
    let pool = { mean: wanted[i]! - rank * room, size: 1 }
    for (let last = pools.at(-1); last && last.mean > pool.mean; last = pools.at(-1)) {
      const size = last.size + pool.size
      pool = { mean: (last.mean * last.size + pool.mean * pool.size) / size, size }
      pools.pop()
    }
    pools.push(pool)
  }
  const most = high - room * (order.length - 1)
  const placed = pools.flatMap(({ mean, size }) => Array<number>(size).fill(Math.max(low, Math.min(most, mean))))
  const result = [...wanted]
  for (const [rank, i] of order.entries()) result[i] = placed[rank]! + rank * room
  return result
}

/** At most about `most` of the rounds, evenly, with the first three and the last, which the paper prints too. */
export function thinOut(rounds: readonly number[], most: number): number[] {
  if (rounds.length <= most) return [...rounds]
  const every = Math.ceil(rounds.length / most)
  return rounds.filter((_, i) => i < 3 || i === rounds.length - 1 || (i + 1) % every === 0)
}
