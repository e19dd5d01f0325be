import { type Outcome, type RunOutcomes, tally } from '../../check/outcome.ts'

/** Raised when a reader would have to change. */
const FORMAT = 1

/** For programs (docs/formats.md). */
export function jsonReport(runs: readonly RunOutcomes[]): string {
  const plain = runs.map(({ path, outcomes, notes = [] }) => {
    return { path, notes, outcomes: outcomes.map((outcome) => plainOutcome(path, outcome)) }
  })
  return `${JSON.stringify({ format: FORMAT, ...tally(runs), runs: plain }, null, 2)}\n`
}

/** What there is none of is left out. */
const plainOutcome = (run: string, { pointsShort, fromFile, fromLine, ...rest }: Outcome) => ({
  run,
  ...rest,
  points_short: pointsShort,
  from_file: fromFile,
  from_line: fromLine,
})
