/** How one expectation of one run came out. */
export interface Outcome {
  /** error: a file could not be read or trusted, so that there was nothing to compare. */
  readonly status: 'met' | 'missed' | 'error'
  /** What was looked at: "unified avg at end". */
  readonly subject: string
  readonly expected: string
  readonly got: string
  /** Where the figure stands, or should have stood. */
  readonly file: string
  readonly line?: number | undefined
  /** Where the expectation is written; nothing for those that every run must meet. */
  readonly from?: string | undefined
}

/** The outcomes of one run folder, or of what was to be one. */
export interface RunOutcomes {
  readonly path: string
  readonly outcomes: readonly Outcome[]
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
  // Expectations that applied to no run have an entry of their own.
  const folders = runs.filter(({ outcomes }) => outcomes.some(({ subject }) => subject === 'run')).length
  return `${all} of ${plural(folders, 'run')}: ${counts.filter(Boolean).join(', ')}`
}
