import { meanAndDeviation } from '../../batch/summary.ts'
import type { RunRecord } from '../load.ts'
import { quantile } from '../quantile.ts'

/** A series at a round; accuracies in percent. */
export interface Point {
  readonly round: number
  /** The value, the mean over seeds, or the median over owners. */
  readonly value: number
  /** Mean ± one standard deviation over seeds, or the middle 80 % of the owners. */
  readonly band?: readonly [number, number]
  /** Seeds that it stands for. */
  readonly seeds: number
}

export interface Series {
  readonly name: string
  readonly kind: 'local' | 'unified' | 'pooled'
  readonly points: readonly Point[]
  /** Owners that it stands for, where more than one. */
  readonly owners?: number
}

/** More owners than this are drawn as one band. */
export const MOST_LINES = 8

/** Accuracy by round of each unified model, the pooled baseline and each local model, over the runs of a group. */
export function accuracySeries(runs: readonly RunRecord[]): Series[] {
  const unified = collect(
    runs.flatMap(({ tables }) => tables.unified.map((r) => [r.merge, r.round, r.accuracy] as const)),
  )
  const local = collect(
    runs.flatMap(({ tables }) => tables.local.map((r) => [`owner ${r.owner}`, r.round, r.local_accuracy] as const)),
  )
  const locals = [...local].map(([name, rounds]): Series => ({ name, kind: 'local', points: overSeeds(rounds) }))
  return [
    ...[...unified].map(
      ([name, rounds]): Series => ({ name, kind: name === 'pooled' ? 'pooled' : 'unified', points: overSeeds(rounds) }),
    ),
    ...(locals.length > MOST_LINES ? [overOwners(locals)] : locals),
  ]
}

type Rounds = Map<number, number[]>

function collect(rows: readonly (readonly [string, number, number])[]): Map<string, Rounds> {
  const all = new Map<string, Rounds>()
  for (const [name, round, fraction] of rows) {
    const rounds = all.get(name) ?? new Map<number, number[]>()
    rounds.set(round, [...(rounds.get(round) ?? []), 100 * fraction])
    all.set(name, rounds)
  }
  return all
}

function overSeeds(rounds: Rounds): Point[] {
  return [...rounds]
    .sort(([a], [b]) => a - b)
    .map(([round, values]) => {
      const { mean, sd } = meanAndDeviation(values)
      const band = values.length > 1 && { band: [mean - sd, mean + sd] as const }
      return { round, value: mean, seeds: values.length, ...band }
    })
}

/** Hundreds of lines say less than where most of them lie. */
function overOwners(locals: readonly Series[]): Series {
  const byRound = new Map<number, { seeds: number; values: number[] }>()
  for (const { round, value, seeds } of locals.flatMap(({ points }) => points)) {
    const cell = byRound.get(round) ?? { seeds, values: [] }
    cell.values.push(value)
    byRound.set(round, cell)
  }
  const points = [...byRound].map(([round, { seeds, values }]): Point => {
    const sorted = values.sort((a, b) => a - b)
    return { round, value: quantile(sorted, 0.5), band: [quantile(sorted, 0.1), quantile(sorted, 0.9)], seeds }
  })
  return { name: 'owners', kind: 'local', points, owners: locals.length }
}
