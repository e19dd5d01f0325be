import { LAST_EPOCH_TEXT, PAPER_DOI, PAPER_SERIES, type PaperTable, printedAt } from '../paper/tables.ts'
import { choiceText } from '../parts.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { endingRuns, onePerSeed, type RunGroup } from '../runs/read/run-groups.ts'
import { pointAt } from '../runs/read/series.ts'
import { drivingRule, imagesIn, withoutMetrics } from '../runs/run-description.ts'
import { type Estimate, estimate } from '../stats.ts'
import { otherThanPaper } from './unlike-paper.ts'

/** A round by its number, or the last one that there is. */
export type ComparedRound = number | 'end'

/** The series of whichever merge rule drives a run: its model is sent back to the owners. */
export const SENT_BACK = 'sent_back'

/** One accuracy of a side, a fraction: the mean over its runs. */
export interface Figure extends Estimate {
  readonly runs: number
  /** The accuracy of each seed; of the paper none is known. */
  readonly bySeed: ReadonlyMap<number, number>
}

/** What is in one column of a comparison: a run, the seeds of one experiment, or the paper. */
export interface Side {
  readonly name: string
  readonly detail: string
  readonly series: readonly string[]
  /** Seeds of its runs, in their order; the paper does not say any. */
  readonly seeds: readonly number[]
  /** What decides its numbers, but for the seed; the paper's is not known. */
  readonly config: Readonly<Record<string, unknown>> | undefined
  /** The merge rule that drives its runs; the paper does not say it of its tables. */
  readonly driver: string | undefined
  /** Its last round, as people say it: "round 30". */
  readonly end: string
  /** What its figures are of; undefined for the paper. */
  readonly made: Made | undefined
  /** Why its figures are not what they seem. */
  readonly warnings: readonly string[]
  /** What a reader must know of it. */
  readonly notes: readonly string[]
  figure(series: string, at: ComparedRound): Figure | undefined
}

/** What a model was made of. */
interface Made {
  readonly dataset: string
  /** Images of all owners. */
  readonly images: number
  /** The share of the training images that it was tested on; undefined: on the test images. */
  readonly validation: number | undefined
  /** As JSON: a name, or layers. */
  readonly model: string
  readonly parameters: number
  /** Why it does not compare with the paper's tables. */
  readonly unlikePaper: readonly string[]
}

/** Runs that differ in nothing but their seeds, as one side. */
export function runSide(name: string, { runs, config }: RunGroup<LoadedRun>): Side {
  const unfinished = runs.filter(({ finished }) => !finished)
  const ending = endingRuns(runs)
  const lengths = [...new Set(ending.map(({ rounds }) => rounds))].sort((a, b) => a - b)
  const told = runs.length > 1 ? `${runs.length} seeds` : `seed ${seedOf(runs[0]!)}`
  const twice = new Set(onePerSeed(runs).repeats.map(seedOf))
  const { manifest } = runs[0]!
  const driver = drivingRule(runs[0]!)
  const end = lengths.join(' to ')
  return {
    name,
    detail: `env ${choiceText(manifest.config.env)}, ${told}, ${end} rounds, ${driver} is sent back`,
    series: [...new Set(runs.flatMap(({ series }) => [...series.keys()]))],
    seeds: onePerSeed(runs).runs.map(seedOf),
    config,
    driver,
    end: `round ${end}`,
    made: madeOf(runs),
    warnings: unfinished.map((run) => `${run.path} is not finished: ${progress(run)}; ${endNote(ending, run)}`),
    notes: [
      ...runs.flatMap(partialNote),
      ...[...twice].map((seed) => `${name} has seed ${seed} more than once: the deviation is not one over seeds`),
      ...new Set(runs.flatMap((run) => (run.note === undefined ? [] : `${name}: ${run.note}`))),
    ],
    figure(series, at) {
      const name = series === SENT_BACK ? driver : series
      const counted = at === 'end' ? ending : runs
      const accuracyOf = (run: LoadedRun) => pointAt(run, name, at)?.accuracy ?? []
      const found = counted.flatMap(accuracyOf)
      if (found.length === 0) return undefined
      const seeds = onePerSeed(counted).runs.flatMap((run) =>
        [accuracyOf(run)].flat().map((one) => [seedOf(run), one] as const),
      )
      return { ...estimate(found), runs: found.length, bySeed: new Map(seeds) }
    },
  }
}

/** A difference may come from other test images. */
function partialNote({ path, manifest: { shards } }: LoadedRun): string[] {
  const silent = withoutMetrics(shards)
  if (silent.length === 0) return []
  const who = `${silent.length === 1 ? 'owner' : 'owners'} ${silent.join(', ')} shared no metrics`
  return [
    `${path} was measured on the test images of ${shards.length - silent.length} of ${shards.length} owners: ${who}`,
  ]
}

function madeOf(runs: readonly LoadedRun[]): Made {
  const { config, dataset, shards, model } = runs[0]!.manifest
  return {
    dataset: dataset.name,
    images: imagesIn(shards),
    validation: config.validation,
    model: JSON.stringify(config.model ?? null),
    parameters: model.parameters,
    unlikePaper: [...new Set(runs.flatMap(otherThanPaper))],
  }
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
    seeds: [],
    config: undefined,
    driver: undefined,
    end: `epoch ${LAST_EPOCH_TEXT}`,
    made: undefined,
    warnings: [],
    notes: [],
    figure(series, at) {
      const printed = printedAt(table, series, at)
      // To the fraction that its four digits mean, which a division need not hit.
      if (printed === undefined) return undefined
      return { mean: Number((printed / 100).toFixed(4)), sd: Number.NaN, runs: 1, bySeed: new Map() }
    },
  }
}
