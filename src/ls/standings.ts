import { type Difference, differenceBySeed } from '../stats.ts'
import { accuracyIn, isAccuracy } from './fields.ts'
import type { RunRow, SeededEstimate } from './row.ts'

/** How an accuracy of a row stands to the best of all rows. */
export interface Standing {
  readonly isBest: boolean
  /** Percentage points from the best; 0 for itself. */
  readonly points: number
  /** The same with its interval over seeds; undefined for the best, or if one of the two has a single seed. */
  readonly difference: Difference | undefined
}

export type Standings = ReadonlyMap<RunRow, Standing>

/** Rows that have no such accuracy have no standing; undefined if the field is no accuracy, or there is one row. */
export function standingsOf(rows: readonly RunRow[], field: string): Standings | undefined {
  if (!isAccuracy(rows, field)) return undefined
  const known = rows.flatMap((row) => {
    const accuracy = accuracyIn(row, field)
    return accuracy && !Number.isNaN(accuracy.mean) ? [{ row, accuracy }] : []
  })
  if (known.length < 2) return undefined
  const best = known.reduce((most, one) => (one.accuracy.mean > most.accuracy.mean ? one : most))
  return new Map(known.map(({ row, accuracy }) => [row, standing(accuracy, best.accuracy)]))
}

function standing(accuracy: SeededEstimate, best: SeededEstimate): Standing {
  const isBest = accuracy === best
  const difference = isBest ? undefined : differenceBySeed(accuracy.bySeed, best.bySeed, 100)
  return { isBest, points: 100 * (accuracy.mean - best.mean), difference }
}
