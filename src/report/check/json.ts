import { type RunOutcomes, tally } from '../../check/outcome.ts'

/** For programs: `{ met, missed, errors, runs: [{ path, outcomes }] }`. */
export const jsonReport = (runs: readonly RunOutcomes[]): string =>
  `${JSON.stringify({ ...tally(runs), runs }, null, 2)}\n`
