import { extent, ticks } from 'd3-array'
import { scaleLinear } from 'd3-scale'
import { quantile } from '../../../stats.ts'

export type Range = readonly [number, number]

/** Whole numbers to label an axis from `low` to `high` with: both ends, and round ones between, about `most` or fewer. */
export function roundTicks(low: number, high: number, most: number): number[] {
  if (low === high) return [low]
  const between = ticks(low, high, most / 2).filter(Number.isInteger)
  const step = (between[1] ?? high) - (between[0] ?? low)
  // A round number right beside an end would run into its label.
  const inner = between.filter((x) => x - low >= step / 2 && high - x >= step / 2)
  return [low, ...inner, high]
}

/** An axis for accuracies in percent: from a round number below the lowest to 100, and where to label it. */
export function percentAxis(values: readonly number[]): { domain: Range; ticks: number[] } {
  const lowest = Math.min(98, ...values)
  return axisWithin([lowest - (100 - lowest) / 20, 100], [0, 100])
}

/** About so many steps between the labels of an axis. */
const STEPS = 4

/** The range in round numbers within the bounds, and where to label it. */
export function axisWithin(range: Range, bounds: Range): { domain: Range; ticks: number[] } {
  const [from, to] = scaleLinear(range, [0, 1]).nice(STEPS).domain() as [number, number]
  const domain: Range = [Math.max(bounds[0], from), Math.min(bounds[1], to)]
  return { domain, ticks: ticks(...domain, STEPS) }
}

/** Fewer values than this are all of them typical. */
const FEW = 8

/** Where a series spends its time: all of it but the steep start, if it is long enough to have one. */
function core(values: readonly number[], least: number): Range {
  const sorted = values.toSorted((a, b) => a - b)
  return [quantile(sorted, values.length < FEW ? 0 : least), sorted.at(-1)!]
}

/**
 * The range that shows the differences of the series that matters, and of those that end near it; what lies outside is
 * marked at the edge. In percent.
 * @param main its values by round
 * @param others those of the others; an empty one says nothing
 */
export function focusRange(main: readonly number[], others: readonly (readonly number[])[]): Range {
  const [low, high] = core(main, 0.1)
  const reach = Math.max(high - low, 1)
  const near = others.filter((values) => {
    const last = values.at(-1)
    return last !== undefined && last >= low - reach && last <= high + reach
  })
  const cores = [[low, high], ...near.map((values) => core(values, 0.25))]
  const [from = low, to = high] = extent(cores.flat())
  return [Math.max(from, low - reach), Math.max(Math.min(to, high + reach), from + 1)]
}

/** A range with zero in it that holds most of the values. */
export function rangeFromZero(values: readonly number[]): Range {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = sorted.length < FEW ? extent(sorted) : [quantile(sorted, 0.05), quantile(sorted, 0.95)]
  const [from, to] = [Math.min(0, low ?? 0), Math.max(0, high ?? 0)]
  return to - from < 0.1 ? [Math.min(from, to - 0.1), to] : [from, to]
}

/** At most about `most` of the rounds, evenly, with the first three and the last, which the paper prints too. */
export function thinOut(rounds: readonly number[], most: number): number[] {
  if (rounds.length <= most) return [...rounds]
  const every = Math.ceil(rounds.length / most)
  return rounds.filter((_, i) => i < 3 || i === rounds.length - 1 || (i + 1) % every === 0)
}
