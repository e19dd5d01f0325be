import type { AccuracyExpectation } from '../config/expectations.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'

/** An accuracy, where it comes from, and its line there. */
export interface Point {
  readonly round: number
  /** A fraction. */
  readonly accuracy: number
  readonly line: number
}

/** The accuracies of one file by series: `avg`, `pooled`, `owner 1`. */
export type SeriesPoints = ReadonlyMap<string, readonly Point[]>

/** The series of a run's unified.csv or local.csv. */
export function seriesPoints(run: LoadedRun, metric: AccuracyExpectation['metric']): SeriesPoints {
  const rows =
    metric === 'unified'
      ? run.unified.map(({ merge, round, accuracy, line }) => ({ name: merge, point: { round, accuracy, line } }))
      : run.local.map((row) => ({
          name: `owner ${row.owner}`,
          point: { round: row.round, accuracy: row.local_accuracy, line: row.line },
        }))
  return collect(rows)
}

export function collect(rows: readonly { name: string; point: Point }[]): SeriesPoints {
  const series = new Map<string, Point[]>()
  for (const { name, point } of rows) {
    const points = series.get(name)
    if (points) points.push(point)
    else series.set(name, [point])
  }
  return series
}

/**
 * The point at a round, at the last one or at the best one, the earliest of equals.
 * @param end the last round
 */
export function pick(points: readonly Point[], at: AccuracyExpectation['at'], end: number): Point | undefined {
  if (at === 'best') {
    return points.reduce<Point | undefined>(
      (best, point) => (best && best.accuracy >= point.accuracy ? best : point),
      undefined,
    )
  }
  return points.find(({ round }) => round === (at === 'end' ? end : at))
}

export const lastRound = (points: readonly Point[]): number =>
  points.reduce((most, { round }) => Math.max(most, round), 0)
