import type { RunGlance } from '../runs/read/glance.ts'
import { endingRuns, groupRuns, onePerSeed, type RunGroup } from '../runs/read/run-groups.ts'
import { pointAt } from '../runs/read/series.ts'
import { drivingRule } from '../runs/run-description.ts'
import { type Estimate, estimate } from '../stats.ts'

/** An estimate, and the values that it is of. */
export interface SeededEstimate extends Estimate {
  readonly bySeed: ReadonlyMap<number, number>
}

/** An accuracy of a row, a fraction: the mean over its runs. */
interface Accuracy {
  readonly end: SeededEstimate
  readonly best: SeededEstimate
  /** The rounds in which they are best, from the earliest to the latest. */
  readonly bestRounds: readonly number[]
}

/** A run, or the runs of one experiment that differ in their seeds. */
export interface RunRow {
  readonly name: string
  /** In the order of their seeds. */
  readonly runs: readonly RunGlance[]
  /** How many seeds they have. */
  readonly seeds: number
  /** What decides their numbers, but for the seed. */
  readonly config: Readonly<Record<string, unknown>>
  /** The merge rule whose model is sent back to the owners. */
  readonly driver: string
  /** By the series that they have, at the last round: of the finished runs, if there is one; one run for each seed. */
  readonly unified: ReadonlyMap<string, Accuracy>
}

/** @param grouped whether the seeds of an experiment share a row */
export function rowsOf(runs: readonly RunGlance[], grouped: boolean): RunRow[] {
  const groups = groupRuns(
    runs,
    ({ manifest }) => manifest.config,
    ({ manifest }) => manifest.config.name,
  )
  return groups.flatMap((group) => {
    // Runs of one seed are one run, made again: each has its own row.
    const together = grouped && new Set(group.runs.map(seedOf)).size > 1
    return (together ? [group.runs] : group.runs.map((run) => [run])).map((own) => rowOf(group, own))
  })
}

const seedOf = ({ manifest }: RunGlance) => manifest.config.seed

function rowOf({ name, config }: RunGroup<RunGlance>, own: readonly RunGlance[]): RunRow {
  const runs = own.toSorted((a, b) => seedOf(a) - seedOf(b))
  const counted = endingRuns(onePerSeed(runs).runs)
  const series = [...new Set(counted.flatMap((run) => [...run.series.keys()]))]
  return {
    name,
    runs,
    seeds: new Set(runs.map(seedOf)).size,
    config,
    driver: drivingRule(runs[0]!),
    unified: new Map(series.map((one) => [one, accuracyOf(counted, one)])),
  }
}

function accuracyOf(runs: readonly RunGlance[], series: string): Accuracy {
  const points = (at: 'end' | 'best') =>
    runs.flatMap((run) => {
      const point = pointAt(run, series, at)
      return point ? [{ ...point, seed: seedOf(run) }] : []
    })
  const estimated = (at: 'end' | 'best'): SeededEstimate => ({
    ...estimate(points(at).map(({ accuracy }) => accuracy)),
    bySeed: new Map(points(at).map(({ seed, accuracy }) => [seed, accuracy])),
  })
  const bestRounds = [...new Set(points('best').map(({ round }) => round))].sort((a, b) => a - b)
  return { end: estimated('end'), best: estimated('best'), bestRounds }
}
