import { join } from 'node:path'
import type { AccuracyExpectation } from '../config/expectations.ts'
import { percent } from '../format.ts'
import { nameOf } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { lastRound, type Point, pickPoint, pointAt, type SeriesPoints } from '../runs/read/series.ts'
import { withoutMetrics } from '../runs/run-description.ts'
import { kindOfSeries, localSeries, modelName, ownerOf, POOLED_SERIES } from '../runs/series-name.ts'
import { localTable, unifiedTable } from '../runs/tables.ts'
import type { Outcome } from './outcome.ts'

/** A CSV to compare with, read. */
export interface Reference {
  readonly file: string
  readonly series: SeriesPoints
}

/** Points are differences of decimals, which floats do not hold: what is 1.5 by the figures must pass as 1.5. */
const ROUNDING = 1e-9

/**
 * Checks an expectation of an accuracy: one outcome for each series that it names and each demand on it. Pure.
 * @param reference what `max-drop-from` names
 */
export function checkAccuracy(expectation: AccuracyExpectation, run: LoadedRun, reference?: Reference): Outcome[] {
  const { metric, at, min, max } = expectation
  const file = join(run.path, (metric === 'unified' ? unifiedTable : localTable).file)
  return seriesNames(expectation, run).flatMap((name): Outcome[] => {
    const subject = `${metric} ${modelName(name)} at ${typeof at === 'number' ? `round ${at}` : at}`
    const point = at === 'end' && !run.finished ? undefined : pointAt(run, name, at)
    return demandsOf(expectation, name, run, reference).map(({ expected, judge }): Outcome => {
      if (!point) return { status: 'missed', subject, expected, got: nothing(expectation, name, run), file }
      const { met, more } = judge(point)
      const got = [`${figure(point.accuracy, [min, max])} % in round ${point.round}`, more].filter(Boolean).join(', ')
      return { status: met ? 'met' : 'missed', subject, expected, got, file, line: point.line }
    })
  })
}

/** Without a name, an expectation is one of all: every merge rule of the run, or every owner. */
function seriesNames(expectation: AccuracyExpectation, { manifest }: LoadedRun): string[] {
  if (expectation.metric === 'unified') {
    return expectation.merge ? [expectation.merge] : manifest.config.merge.map(nameOf)
  }
  const owners = expectation.owner ? [expectation.owner] : manifest.shards.map(({ owner }) => owner)
  return owners.map((owner) => localSeries(owner))
}

/** Why there is no figure. */
function nothing({ at, metric }: AccuracyExpectation, name: string, run: LoadedRun): string {
  if (run.rounds === 0) return 'nothing: no round is complete'
  const points = run.series.get(name)
  const untold = withoutMetrics(run.manifest.shards)
  const owner = ownerOf(name)
  if (owner !== undefined && untold.includes(owner)) return `nothing: ${modelName(name)} shares no metrics`
  if (!points && untold.length === run.manifest.shards.length && run.manifest.config.merge.map(nameOf).includes(name)) {
    return 'nothing: no owner shares its metrics'
  }
  if (!points) {
    const others = [...run.series.keys()].filter((other) => (kindOfSeries(other) === 'local') === (metric === 'local'))
    return `nothing: there is no ${modelName(name)}, only ${others.map(modelName).join(', ')}`
  }
  if (at === 'end' && !run.finished) return `nothing: the run has not come to its end, only to round ${run.rounds}`
  const every = run.manifest.config['evaluate-every']
  if (typeof at === 'number' && every !== undefined && at <= run.rounds) {
    return `nothing: round ${at} was not evaluated (evaluate-every: ${every})`
  }
  return `nothing: the rounds are 1 to ${lastRound(points)}`
}

interface Demand {
  readonly expected: string
  judge(point: Point): { met: boolean; more?: string }
}

function demandsOf(
  expectation: AccuracyExpectation,
  name: string,
  run: LoadedRun,
  reference: Reference | undefined,
): Demand[] {
  const { min, max, at, points = 0, 'max-drop-from': drop } = expectation
  const demands: Demand[] = []
  if (min !== undefined || max !== undefined) demands.push(range(min, max))
  if ('max-gap-to' in expectation && expectation['max-gap-to'] !== undefined) {
    demands.push({
      expected: `at most ${points} points below pooled in the same round`,
      judge({ accuracy, round }) {
        const pooled = pointAt(run, POOLED_SERIES, round)
        if (!pooled) return { met: false, more: 'but there is no pooled row: run it with baseline: pooled' }
        return below(accuracy, pooled, points, `pooled (line ${pooled.line})`)
      },
    })
  }
  if (drop !== undefined) {
    const file = reference?.file ?? drop
    demands.push({
      expected: `at most ${points} points below ${file} at ${typeof at === 'number' ? `round ${at}` : at}`,
      judge({ accuracy }) {
        const own = reference?.series.get(name) ?? []
        const point = pickPoint(own, at, lastRound(own))
        const where = own.length > 0 ? 'there' : 'at all'
        if (!point) return { met: false, more: `but ${file} has no ${modelName(name)} ${where}` }
        return below(accuracy, point, points, `the reference (line ${point.line})`)
      },
    })
  }
  return demands
}

function range(min: number | undefined, max: number | undefined): Demand {
  const least = min === undefined ? [] : [`at least ${exactPercent(min)} %`]
  const most = max === undefined ? [] : [`at most ${exactPercent(max)} %`]
  const judge = ({ accuracy }: Point) => ({ met: accuracy >= (min ?? 0) && accuracy <= (max ?? 1) })
  return { expected: [...least, ...most].join(' and '), judge }
}

/** How far an accuracy lies under that of another model, in percentage points. */
function below(accuracy: number, other: Point, points: number, what: string): { met: boolean; more: string } {
  const gap = 100 * (other.accuracy - accuracy)
  const met = gap <= points + ROUNDING
  const alike = !met && gap.toFixed(2) === points.toFixed(2)
  const relation = `${alike ? atLeastTwo(gap.toFixed(8)) : Math.abs(gap).toFixed(2)} ${gap < 0 ? 'above' : 'below'}`
  return { met, more: `${relation} ${percent(other.accuracy)} of ${what}` }
}

/** With two decimals, unless these would make it equal to a limit that it is not equal to. */
function figure(accuracy: number, limits: readonly (number | undefined)[]): string {
  const alike = (limit?: number) => limit !== undefined && limit !== accuracy && percent(limit) === percent(accuracy)
  return limits.some(alike) ? exactPercent(accuracy) : percent(accuracy)
}

const exactPercent = (fraction: number) => atLeastTwo((100 * fraction).toFixed(8))

/** Drops zeros at the end, but for two decimals. */
const atLeastTwo = (decimals: string) => decimals.replace(/(?<=\.\d\d.*)0+$/, '')
