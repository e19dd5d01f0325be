import { type RunOutcomes, tally } from '../../check/outcome.ts'

/** Raised when a reader would have to change. */
const FORMAT = 1

/** For programs: `{ format, met, missed, errors, runs: [{ path, outcomes }] }` (docs/formats.md). */
export const jsonReport = (runs: readonly RunOutcomes[]): string =>
  `${JSON.stringify({ format: FORMAT, ...tally(runs), runs }, null, 2)}\n`
