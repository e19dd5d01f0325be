import type { RunOutcomes } from '../../check/outcome.ts'
import type { Palette } from '../../visible.ts'
import { githubReport } from './github.ts'
import { jsonReport } from './json.ts'
import { junitReport } from './junit.ts'
import { terminalReport } from './terminal.ts'

/** Every format for the outcomes of a check, by the name that `--reporter` takes. */
export const REPORTERS = {
  terminal: terminalReport,
  json: jsonReport,
  junit: junitReport,
  github: githubReport,
} satisfies Record<string, (runs: readonly RunOutcomes[], colors: Palette) => string>

export type ReporterName = keyof typeof REPORTERS

export const REPORTER_NAMES = Object.keys(REPORTERS) as ReporterName[]
