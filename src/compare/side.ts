import { LAST_EPOCH_TEXT, PAPER_DOI, PAPER_SERIES, type PaperTable, printedAt } from '../paper/tables.ts'
import { choiceText } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { onePerSeed, type RunGroup } from '../runs/read/run-groups.ts'
import { pointAt } from '../runs/read/series.ts'
import { withoutMetrics } from '../runs/run-description.ts'
import { type Estimate, estimate } from '../stats.ts'

/** A round by its number, or the last one that there is. */
export type ComparedRound = number | 'end'

/** One accuracy of a side, a fraction: the mean over its runs. */
export interface Figure extends Estimate {
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
  figure(series: string, at: ComparedRound): Figure | undefined
}

/** Runs that differ in nothing but their seeds, as one side. */
export function runSide(name: string, { runs, config }: RunGroup<LoadedRun>): Side {
  const unfinished = runs.filter(({ finished }) => !finished)
  // The last round so far of a run that was cut short is not what the others came to in the end.
  const ending = unfinished.length < runs.length ? runs.filter(({ finished }) => finished) : runs
  const lengths = [...new Set(ending.map(({ rounds }) => rounds))].sort((a, b) => a - b)
  const seeds = runs.length > 1 ? `${runs.length} seeds` : `seed ${seedOf(runs[0]!)}`
  const twice = new Set(onePerSeed(runs).repeats.map(seedOf))
  return {
    name,
    detail: `env ${choiceText(runs[0]!.manifest.config.env)}, ${seeds}, ${lengths.join(' to ')} rounds`,
    series: [...new Set(runs.flatMap(({ series }) => [...series.keys()]))],
    config,
    notes: [
      ...unfinished.map((run) => `${run.path} is not finished: ${progress(run)}; ${endNote(ending, run)}`),
      ...runs.flatMap(partialNote),
      ...[...twice].map((seed) => `${name} has seed ${seed} more than once: the deviation is not one over seeds`),
      ...new Set(runs.flatMap((run) => (run.note === undefined ? [] : `${name}: ${run.note}`))),
    ],
    figure(series, at) {
      const found = (at === 'end' ? ending : runs).flatMap((run) => pointAt(run, series, at)?.accuracy ?? [])
      return found.length === 0 ? undefined : { ...estimate(found), runs: found.length }
    },
  }
}

/** A difference may come from other test images. */
function partialNote({ path, manifest: { shards } }: LoadedRun): string[] {
  const silent = withoutMetrics(shards)
  if (silent.length === 0) return []
  const who = `owner ${silent.join(', ')} shared no metrics`
  return [
    `${path} was measured on the test images of ${shards.length - silent.length} of ${shards.length} owners: ${who}`,
  ]
}

const seedOf = ({ manifest }: LoadedRun) => manifest.config.seed

const progress = ({ manifest: { status, config }, rounds }: LoadedRun) =>
  `${status === 'running' ? 'running, or killed' : status}, ${rounds} of ${config.rounds} rounds`

const endNote = (ending: readonly LoadedRun[], run: LoadedRun) =>
  ending.includes(run) ? '"end" is its last round so far' : '"end" leaves it out'

/** A table of the paper; its last row is its end. */
export function paperSide(table: PaperTable): Side {
  return {
    name: `paper, Table ${table.number}`,
    detail: `env ${table.env}, doi:${PAPER_DOI}; end is epoch ${LAST_EPOCH_TEXT}`,
    series: PAPER_SERIES,
    config: undefined,
    notes: [],
    figure(series, at) {
      const printed = printedAt(table, series, at)
      // To the fraction that its four digits mean, which a division need not hit.
      return printed === undefined ? undefined : { mean: Number((printed / 100).toFixed(4)), sd: Number.NaN, runs: 1 }
    },
  }
}
