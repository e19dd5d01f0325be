import { rollup } from 'd3-array'
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

/** A value of a run that belongs to a series. */
export interface Sample {
  readonly series: string
  readonly round: number
  readonly value: number
}

/**
 * Accuracy by round of each unified model, the pooled baseline and each local model, over the runs of a group.
 * @param wanted whether a series is, by its name; default: all are
 */
export function accuracySeries(runs: readonly RunRecord[], wanted = (_series: string) => true): Series[] {
  return seriesFrom(
    runs.flatMap((run) =>
      [...run.series].flatMap(([series, points]) =>
        wanted(series) ? points.map(({ round, accuracy }) => ({ series, round, value: 100 * accuracy })) : [],
      ),
    ),
  )
}

/** By how many points each other unified model and the pooled baseline lie above that of a rule, run by run. */
export function differenceSeries(runs: readonly RunRecord[], rule: string): Series[] {
  return seriesFrom(
    runs.flatMap(({ series }) => {
      const base = new Map((series.get(rule) ?? []).map(({ round, accuracy }) => [round, accuracy]))
      return [...series].flatMap(([name, points]) => {
        if (name === rule || kindOfSeries(name) === 'local') return []
        return points.flatMap(({ round, accuracy }) => {
          const beside = base.get(round)
          return beside === undefined ? [] : [{ series: name, round, value: 100 * (accuracy - beside) }]
        })
      })
    }),
  )
}

/** Samples of several seeds as series; many owners are one. */
export function seriesFrom(samples: readonly Sample[]): Series[] {
  const collected = rollup(samples, overSeeds, ({ series }) => series)
  const all = [...collected].map(([series, points]): Series => ({ ...shownModel(series), points }))
  const locals = all.filter(({ kind }) => kind === 'local')
  return [...all.filter(({ kind }) => kind !== 'local'), ...(locals.length > MAX_LINES ? [overOwners(locals)] : locals)]
}

/** The rounds that any of the series has, in ascending order. */
export const roundsOf = (series: readonly Pick<Series, 'points'>[]): number[] =>
  [...new Set(series.flatMap(({ points }) => points.map(({ round }) => round)))].sort((a, b) => a - b)

export const pointOf = ({ points }: Pick<Series, 'points'>, at: number): Point | undefined =>
  points.find(({ round }) => round === at)

/** Half of a band: one standard deviation. */
export const spreadText = ([low, high]: readonly [number, number]): string => `± ${((high - low) / 2).toFixed(2)}`

/** The series at some rounds only. */
export const atRounds = <S extends Pick<Series, 'points'>>(series: readonly S[], rounds: readonly number[]): S[] => {
  const kept = new Set(rounds)
  return series.map((one) => ({ ...one, points: one.points.filter(({ round }) => kept.has(round)) }))
}

function overSeeds(samples: readonly Sample[]): Point[] {
  const byRound = rollup(
    samples,
    (own) => own.map(({ value }) => value),
    ({ round }) => round,
  )
  return [...byRound]
    .sort(([a], [b]) => a - b)
    .map(([round, values]) => {
      const { mean, sd } = estimate(values)
      const band = values.length > 1 && { band: [mean - sd, mean + sd] as const }
      return { round, value: mean, ...band }
    })
}

/** Hundreds of lines say less than where most of them lie. */
function overOwners(locals: readonly Series[]): Series {
  const byRound = rollup(
    locals.flatMap(({ points }) => points),
    (own) => own.map(({ value }) => value).sort((a, b) => a - b),
    ({ round }) => round,
  )
  const points = [...byRound].map(([round, values]): Point => {
    return { round, value: quantile(values, 0.5), band: [quantile(values, 0.1), quantile(values, 0.9)] }
  })
  return { name: 'owners', kind: 'local', points, owners: locals.length }
}
