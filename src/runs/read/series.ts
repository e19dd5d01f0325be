import { localSeries } from '../series-name.ts'
import type { LocalRow, UnifiedRow } from './read-tables.ts'

/** A row with its line in the file. */
export type Lined<Row> = Row & { readonly line: number }

/** The rows of a file whose first line is its head. */
export const lined = <Row>(rows: readonly Row[]): Lined<Row>[] => rows.map((row, i) => ({ ...row, line: i + 2 }))

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
  return collectPoints([
    ...local.flatMap(({ owner, round, local_accuracy: accuracy, line }) => {
      return accuracy === undefined ? [] : { series: localSeries(owner), point: { round, accuracy, line } }
    }),
    ...unified.flatMap(({ merge, round, accuracy, loss, line }) => {
      return accuracy === undefined ? [] : { series: merge, point: { round, accuracy, loss: loss!, line } }
    }),
  ])
}

export function collectPoints(rows: readonly { series: string; point: Point }[]): SeriesPoints {
  const collected = new Map<string, Point[]>()
  for (const { series, point } of rows) {
    const points = collected.get(series)
    if (points) points.push(point)
    else collected.set(series, [point])
  }
  return collected
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
