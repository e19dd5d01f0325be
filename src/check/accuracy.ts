import { join } from 'node:path'
import type { AccuracyExpectation } from '../config/expectations.ts'
import { nameOf } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { lastRound, type Point, pointAt } from '../runs/read/series.ts'
import { withoutMetrics } from '../runs/run-description.ts'
import { kindOfSeries, localSeries, modelName, ownerOf } from '../runs/series-name.ts'
import { localTable, unifiedTable } from '../runs/tables.ts'
import { adviceFor } from './advice.ts'
import { demandsOf, figure, judge, placeText, type Reference, relation } from './demand.ts'
import type { Figures, Outcome } from './outcome.ts'

/**
 * Checks an expectation of an accuracy: one outcome for each series that it names and each demand on it. Pure.
 * @param reference what `max-drop-from` names
 */
export function checkAccuracy(expectation: AccuracyExpectation, run: LoadedRun, reference?: Reference): Outcome[] {
  const { at, min, max } = expectation
  const file = tableFile(expectation, run)
  return seriesNames(expectation, run).flatMap((name): Outcome[] => {
    const base = { subject: subjectOf(expectation, name), file, ...modelOf(name) }
    const point = pointFor(run, name, at)
    const missed = () => ({ status: 'missed' as const, hint: adviceFor(expectation, run, point !== undefined) })
    return demandsOf(expectation, name, reference).map((demand): Outcome => {
      const { expected } = demand
      if (!point) return { ...base, ...missed(), expected, got: nothing(expectation, name, run) }
      const { accuracy: value, round, line } = point
      const limit = demand.limitFor(run, point)
      const text = `${figure(value, [min, max])} % in round ${round}`
      const found = { ...base, expected, value, round, line }
      if (typeof limit === 'string') return { ...found, ...missed(), got: `${text}, ${limit}` }
      const judged = judge(value, limit)
      const met = judged.pointsShort === 0
      const got = [text, relation(value, limit, demand.points, met)].filter(Boolean).join(', ')
      return { ...found, ...judged, got, ...(met ? { status: 'met' } : missed()) }
    })
  })
}

type Metric = Pick<AccuracyExpectation, 'metric'>

/** The table that an expectation of an accuracy looks into. */
export const tableFile = ({ metric }: Metric, { path }: Pick<LoadedRun, 'path'>): string =>
  join(path, (metric === 'unified' ? unifiedTable : localTable).file)

/** unified avg at end */
export const subjectOf = ({ metric, at }: AccuracyExpectation, name: string): string =>
  `${metric} ${modelName(name)} at ${placeText(at)}`

/** The point that is asked for: the end of a run that has not come to it is none. */
export const pointFor = (run: LoadedRun, name: string, at: AccuracyExpectation['at']): Point | undefined =>
  at === 'end' && !run.finished ? undefined : pointAt(run, name, at)

/** Whose accuracy a series is. */
export function modelOf(name: string): Figures {
  const owner = ownerOf(name)
  return owner === undefined ? { merge: name } : { owner }
}

/** The series that a run has of a kind: those in the table of that. */
export const seriesIn = ({ series }: LoadedRun, { metric }: Metric): string[] =>
  [...series.keys()].filter((name) => (kindOfSeries(name) === 'local') === (metric === 'local'))

/** Without a name, an expectation is one of all: every merge rule of the run, or every owner. */
export function seriesNames(expectation: AccuracyExpectation, { manifest }: LoadedRun): string[] {
  if (expectation.metric === 'unified') {
    return expectation.merge ? [expectation.merge] : manifest.config.merge.map(nameOf)
  }
  const owners = expectation.owner ? [expectation.owner] : manifest.shards.map(({ owner }) => owner)
  return owners.map((owner) => localSeries(owner))
}

/** Why there is no figure. */
export function nothing({ at, metric }: AccuracyExpectation, name: string, run: LoadedRun): string {
  if (run.rounds === 0) return 'nothing: no round is complete'
  const points = run.series.get(name)
  const untold = withoutMetrics(run.manifest.shards)
  const owner = ownerOf(name)
  if (owner !== undefined && untold.includes(owner)) return `nothing: ${modelName(name)} shares no metrics`
  if (!points && untold.length === run.manifest.shards.length && run.manifest.config.merge.map(nameOf).includes(name)) {
    return 'nothing: no owner shares its metrics'
  }
  if (!points) {
    return `nothing: there is no ${modelName(name)}, only ${seriesIn(run, { metric }).map(modelName).join(', ')}`
  }
  if (at === 'end' && !run.finished) return `nothing: the run is not finished, only round ${run.rounds} is done`
  const every = run.manifest.config['evaluate-every']
  if (typeof at === 'number' && every !== undefined && at <= run.rounds) {
    return `nothing: round ${at} was not evaluated (evaluate-every: ${every})`
  }
  return `nothing: the rounds are 1 to ${lastRound(points)}`
}
