import { meanAndDeviation, seriesOf } from '../batch/summary.ts'
import { decisive } from '../config/hash.ts'
import type { PaperTable } from '../paper/tables.ts'
import { choiceText } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'

/** A round by its number, or the last one that there is. */
export type At = number | 'end'

/** One accuracy of a side: the mean over its runs. */
export interface Figure {
  /** A fraction. */
  readonly mean: number
  /** Sample standard deviation, a fraction; NaN for a single run. */
  readonly sd: number
  readonly runs: number
}

/** What stands in one column of a comparison: a run, the seeds of one experiment, or the paper. */
export interface Side {
  readonly name: string
  readonly detail: string
  readonly series: readonly string[]
  /** What decides its numbers, but for the seed; the paper's is not known. */
  readonly config: Readonly<Record<string, unknown>> | undefined
  /** What a reader must know of it. */
  readonly notes: readonly string[]
  figure(series: string, at: At): Figure | undefined
}

/** What runs of several seeds have in common. */
export function commonConfig({ manifest }: LoadedRun): Record<string, unknown> {
  const { seed: _, ...rest } = decisive(manifest.config)
  return rest
}

/**
 * Runs that differ in nothing but their seeds, as one side.
 * @param runs at least one
 */
export function runSide(name: string, runs: readonly LoadedRun[]): Side {
  const unfinished = runs.filter(({ finished }) => !finished)
  // The last round so far of a run that was cut short is not what the others came to in the end.
  const ending = unfinished.length < runs.length ? runs.filter(({ finished }) => finished) : runs
  const values = new Map<LoadedRun, Map<string, number>>()
  for (const run of runs) {
    const cells = [...seriesOf(run)].map(({ series, round, accuracy }) => [`${series} ${round}`, accuracy] as const)
    values.set(run, new Map(cells))
  }
  const { config } = runs[0]!.manifest
  const lengths = [...new Set(ending.map(({ rounds }) => rounds))].sort((a, b) => a - b)
  const seeds = runs.map(({ manifest }) => manifest.config.seed)
  const many = runs.length > 1 ? `${runs.length} seeds` : `seed ${seeds[0]}`
  const twice = [...new Set(seeds.filter((seed, i) => seeds.indexOf(seed) !== i))]
  return {
    name,
    detail: `env ${choiceText(config.env)}, ${many}, ${lengths.join(' to ')} rounds`,
    series: [...new Set(runs.flatMap((run) => [...seriesOf(run)].map(({ series }) => series)))],
    config: commonConfig(runs[0]!),
    notes: [
      ...unfinished.map((run) => `${run.path} is not finished: ${progress(run)}; ${endNote(ending, run)}`),
      ...twice.map((seed) => `${name} has seed ${seed} more than once: the deviation is not one over seeds`),
    ],
    figure(series, at) {
      const found = (at === 'end' ? ending : runs).flatMap((run) => {
        const value = values.get(run)!.get(`${series} ${at === 'end' ? run.rounds : at}`)
        return value === undefined ? [] : [value]
      })
      return found.length === 0 ? undefined : { ...meanAndDeviation(found), runs: found.length }
    },
  }
}

const progress = ({ manifest: { status, config }, rounds }: LoadedRun) =>
  `${status === 'running' ? 'running, or killed' : status}, ${rounds} of ${config.rounds} rounds`

const endNote = (ending: readonly LoadedRun[], run: LoadedRun) =>
  ending.includes(run) ? '«end» is its last round so far' : '«end» leaves it out'

/** A table of the paper; its last row, epoch 5,000, is its end. */
export function paperSide({ number, env, rows }: PaperTable): Side {
  const series = ['local_1', 'local_2', 'avg', 'max', 'absmax'] as const
  return {
    name: `paper, Table ${number}`,
    detail: `env ${env}, doi:10.9708/jksci.2021.26.12.069; end is epoch 5,000`,
    series,
    config: undefined,
    notes: [],
    figure(name, at) {
      const key = series.find((one) => one === name)
      const row = at === 'end' ? rows.at(-1) : rows.find(({ round }) => round === at)
      // To the fraction that its four digits mean, which a division need not hit.
      return key && row ? { mean: Number((row[key] / 100).toFixed(4)), sd: Number.NaN, runs: 1 } : undefined
    },
  }
}
