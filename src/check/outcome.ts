import { atLeastTwo } from '../format.ts'

/** How one expectation of one run, or of the seeds of one experiment, came out. */
export interface Outcome extends Figures {
  /** error: a file could not be read or trusted, so that there was nothing to compare. */
  readonly status: 'met' | 'missed' | 'error'
  /** What was looked at: "unified avg at end". */
  readonly subject: string
  readonly expected: string
  readonly got: string
  /** Where the figure stands, or should have stood. */
  readonly file: string
  readonly line?: number | undefined
  /** Where the expectation is written, in words; nothing for those that every run must meet. */
  readonly from?: string | undefined
  /** The file of the expectation, and its line where that is known. */
  readonly fromFile?: string | undefined
  readonly fromLine?: number | undefined
  /** What to do about a miss. */
  readonly hint?: string | undefined
}

/** The numbers of an expectation of an accuracy; of another, `value` and `limit` are counts. */
export interface Figures {
  /** What was found; over seeds, their mean. */
  readonly value?: number
  /** What it was held against. */
  readonly limit?: number
  /** Percentage points by which it was missed, 0 if it was met. */
  readonly pointsShort?: number
  readonly round?: number
  readonly merge?: string
  readonly owner?: number
  /** Over how many seeds. */
  readonly seeds?: number
}

/** The outcomes of one run folder, of what was to be one, or of several seeds. */
export interface RunOutcomes {
  readonly path: string
  readonly outcomes: readonly Outcome[]
  /** By what it was judged, and what its hashes do not cover. */
  readonly notes?: readonly string[]
}

/** 2.31 points */
export const pointsText = (points: number): string => {
  const rounded = points.toFixed(2)
  return `${Number(rounded) === 0 ? atLeastTwo(points.toFixed(8)) : rounded} points`
}

export interface Tally {
  readonly met: number
  readonly missed: number
  readonly errors: number
}

export function tally(runs: readonly RunOutcomes[]): Tally {
  const all = runs.flatMap(({ outcomes }) => outcomes)
  const count = (status: Outcome['status']) => all.filter((outcome) => outcome.status === status).length
  return { met: count('met'), missed: count('missed'), errors: count('error') }
}

/** 12 expectations of 3 runs: 11 met, 1 missed */
export function tallyLine(runs: readonly RunOutcomes[]): string {
  const { met, missed, errors } = tally(runs)
  const counts = [`${met} met`, missed > 0 && `${missed} missed`, errors > 0 && `${errors} with an error`]
  const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`
  const all = plural(met + missed + errors, 'expectation')
  // Expectations that applied to no run, or to several, have an entry of their own.
  const folders = runs.filter(({ outcomes }) => outcomes.some(({ subject }) => subject === 'run')).length
  return `${all} of ${plural(folders, 'run')}: ${counts.filter(Boolean).join(', ')}`
}

/** The outcome to tell of first: one that could not be looked at, else that which missed by the most. */
export function worst(runs: readonly RunOutcomes[]): { readonly path: string; readonly outcome: Outcome } | undefined {
  const all = runs.flatMap(({ path, outcomes }) => outcomes.map((outcome) => ({ path, outcome })))
  const missed = all.filter(({ outcome }) => outcome.status === 'missed')
  const short = ({ outcome }: { outcome: Outcome }) => outcome.pointsShort ?? 0
  return all.find(({ outcome }) => outcome.status === 'error') ?? missed.toSorted((a, b) => short(b) - short(a))[0]
}
