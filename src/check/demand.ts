import type { AccuracyExpectation } from '../config/expectations.ts'
import { atLeastTwo, percent } from '../format.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { lastRound, type Point, pickPoint, pointAt, type SeriesPoints } from '../runs/read/series.ts'
import { modelName, POOLED_SERIES } from '../runs/series-name.ts'

/** A CSV to compare with, read. */
export interface Reference {
  readonly file: string
  readonly series: SeriesPoints
}

/** Between what an accuracy must lie; fractions. */
export interface Limit {
  readonly low?: number | undefined
  readonly high?: number | undefined
  /** What it is held against, if that is another model's accuracy. */
  readonly against?: { readonly accuracy: number; readonly what: string }
}

/** One thing that is asked of an accuracy. */
export interface Demand {
  readonly expected: string
  /** Percentage points by which it may be less than what it is held against. */
  readonly points: number
  /** The limit for the accuracy of a run, or why there is none. */
  limitFor(run: LoadedRun, point: Point): Limit | string
}

/** Points are differences of decimals, which floats do not hold: what is 1.5 by the figures must pass as 1.5. */
export const ROUNDING = 1e-11

/** @param name the series that is looked at */
export function demandsOf(expectation: AccuracyExpectation, name: string, reference: Reference | undefined): Demand[] {
  const { min, max, at, points = 0, 'max-drop-from': drop } = expectation
  const demands: Demand[] = []
  if (min !== undefined || max !== undefined) demands.push(range(min, max))
  if ('max-gap-to' in expectation && expectation['max-gap-to'] !== undefined) {
    demands.push({
      expected: `at most ${points} points below pooled in the same round`,
      points,
      limitFor(run, { round }) {
        const pooled = pointAt(run, POOLED_SERIES, round)
        if (!pooled) return 'but there is no pooled row: run it with baseline: pooled'
        return below(pooled, points, `pooled (line ${pooled.line})`)
      },
    })
  }
  if (drop !== undefined) {
    const file = reference?.file ?? drop
    demands.push({
      expected: `at most ${points} points below ${file} at ${placeText(at)}`,
      points,
      limitFor() {
        const own = reference?.series.get(name) ?? []
        const point = pickPoint(own, at, lastRound(own))
        if (!point) return `but ${file} has no ${modelName(name)} ${own.length > 0 ? 'there' : 'at all'}`
        return below(point, points, `the reference (line ${point.line})`)
      },
    })
  }
  return demands
}

/** end, best, round 3 */
export const placeText = (at: AccuracyExpectation['at']): string => (typeof at === 'number' ? `round ${at}` : at)

function range(low: number | undefined, high: number | undefined): Demand {
  const least = low === undefined ? [] : [`at least ${exactPercent(low)} %`]
  const most = high === undefined ? [] : [`at most ${exactPercent(high)} %`]
  return { expected: [...least, ...most].join(' and '), points: 0, limitFor: () => ({ low, high }) }
}

const below = ({ accuracy }: Point, points: number, what: string): Limit => ({
  low: accuracy - points / 100,
  against: { accuracy, what },
})

/** @returns the limit that counts, and the percentage points by which it is missed: 0 if it is met */
export function judge(value: number, { low, high, against }: Limit): { limit: number; pointsShort: number } {
  const slack = against ? ROUNDING : 0
  if (low !== undefined && value < low - slack) return { limit: low, pointsShort: shortBy(low - value) }
  if (high !== undefined && value > high + slack) return { limit: high, pointsShort: shortBy(value - high) }
  return { limit: (low ?? high)!, pointsShort: 0 }
}

/** Percentage points of a fraction that is missing, without what a difference of floats adds; never nothing. */
export const shortBy = (fraction: number): number => Number((100 * fraction).toFixed(9)) || 1e-9

/** "1.50 below 76.50 of pooled (line 7)": with digits that tell it from the points that were allowed. */
export function relation(value: number, { against }: Limit, points: number, met: boolean): string | undefined {
  if (!against) return undefined
  const gap = 100 * (against.accuracy - value)
  const alike = !met && gap.toFixed(2) === points.toFixed(2)
  const distance = alike ? atLeastTwo(gap.toFixed(8)) : Math.abs(gap).toFixed(2)
  return `${distance} ${gap < 0 ? 'above' : 'below'} ${percent(against.accuracy)} of ${against.what}`
}

/** With two decimals, unless these would make it equal to a limit that it is not equal to. */
export function figure(accuracy: number, limits: readonly (number | undefined)[]): string {
  const alike = (limit?: number) => limit !== undefined && limit !== accuracy && percent(limit) === percent(accuracy)
  return limits.some(alike) ? exactPercent(accuracy) : percent(accuracy)
}

const exactPercent = (fraction: number) => atLeastTwo((100 * fraction).toFixed(8))
