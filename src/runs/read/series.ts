import { localSeries } from '../series-name.ts'
import type { Lined, LocalRow, UnifiedRow } from './read-tables.ts'

/** An accuracy of a series. */
export interface Point {
  readonly round: number
  /** A fraction. */
  readonly accuracy: number
  /** The mean over the test images, if the file tells it: local.csv does not. */
  readonly loss?: number
  readonly line: number
}

/** Points in the order of the rounds, by the name of the series (see series-name.ts). */
export type SeriesPoints = ReadonlyMap<string, readonly Point[]>

/**
 * Every series of a run: the owners' local models, then the unified ones and the baseline. What nobody has told is no
 * point.
 */
export function seriesOf(local: readonly Lined<LocalRow>[], unified: readonly Lined<UnifiedRow>[]): SeriesPoints {
  const series = new Map<string, Point[]>()
  for (const { owner, round, local_accuracy: accuracy, line } of local) {
    if (accuracy !== undefined) addPoint(series, localSeries(owner), { round, accuracy, line })
  }
  for (const { merge, round, accuracy, loss, line } of unified) {
    if (accuracy !== undefined) addPoint(series, merge, { round, accuracy, loss: loss!, line })
  }
  return series
}

export function addPoint(series: Map<string, Point[]>, name: string, point: Point): void {
  const points = series.get(name)
  if (points) points.push(point)
  else series.set(name, [point])
}

/** The rounds that there are of each series, by its name. A text for every pair would take more memory than the tables. */
export type RoundsOf = Map<string, Set<number>>

/** @returns false if the round was there already */
export function addRound(rounds: RoundsOf, name: string, round: number): boolean {
  const there = rounds.get(name)
  if (!there) rounds.set(name, new Set([round]))
  else if (there.has(round)) return false
  else there.add(round)
  return true
}

/** A round by its number, the last one, or the most accurate one. */
export type At = number | 'end' | 'best'

/**
 * The point at a round, at the last one or at the best one, the earliest of equals.
 * @param end the last round
 */
export function pickPoint(points: readonly Point[], at: At, end: number): Point | undefined {
  if (at === 'best') {
    return points.reduce<Point | undefined>(
      (best, point) => (best && best.accuracy >= point.accuracy ? best : point),
      undefined,
    )
  }
  return points.find(({ round }) => round === (at === 'end' ? end : at))
}

/** The point of a series of a run; its end is the last round that is complete. */
export function pointAt(
  { series, rounds }: { readonly series: SeriesPoints; readonly rounds: number },
  name: string,
  at: At,
): Point | undefined {
  return pickPoint(series.get(name) ?? [], at, rounds)
}

export const lastRound = (points: readonly Point[]): number =>
  points.reduce((most, { round }) => Math.max(most, round), 0)
