import { kindOfSeries, modelName, ownerOf, type SeriesKind } from '../../runs/series-name.ts'
import { estimate, quantile } from '../../stats.ts'
import type { RunRecord } from '../run-record.ts'

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

/** A model as the page names it. */
export interface ShownModel {
  readonly name: string
  readonly kind: SeriesKind
  /** Whose local model it is, if it is that of one owner. */
  readonly owner?: number | undefined
}

export interface Series extends ShownModel {
  readonly points: readonly Point[]
  /** Owners that it stands for, if more than one. */
  readonly owners?: number
}

export const shownModel = (series: string): ShownModel => ({
  name: modelName(series),
  kind: kindOfSeries(series),
  owner: ownerOf(series),
})

/** More owners than this are drawn as one band. */
export const MAX_LINES = 8

/** Accuracy by round of each unified model, the pooled baseline and each local model, over the runs of a group. */
export function accuracySeries(runs: readonly RunRecord[]): Series[] {
  const collected = new Map<string, Map<number, number[]>>()
  for (const [series, points] of runs.flatMap((run) => [...run.series])) {
    const rounds = collected.get(series) ?? new Map<number, number[]>()
    for (const { round, accuracy } of points) rounds.set(round, [...(rounds.get(round) ?? []), 100 * accuracy])
    collected.set(series, rounds)
  }
  const all = [...collected].map(([series, rounds]): Series => ({ ...shownModel(series), points: overSeeds(rounds) }))
  const locals = all.filter(({ kind }) => kind === 'local')
  return [...all.filter(({ kind }) => kind !== 'local'), ...(locals.length > MAX_LINES ? [overOwners(locals)] : locals)]
}

/** The rounds that any of the series has, in ascending order. */
export const roundsOf = (series: readonly Pick<Series, 'points'>[]): number[] =>
  [...new Set(series.flatMap(({ points }) => points.map(({ round }) => round)))].sort((a, b) => a - b)

function overSeeds(rounds: ReadonlyMap<number, readonly number[]>): Point[] {
  return [...rounds]
    .sort(([a], [b]) => a - b)
    .map(([round, values]) => {
      const { mean, sd } = estimate(values)
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
