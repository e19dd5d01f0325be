import type { AccuracyExpectation } from '../config/expectations.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { resumeCommand } from '../runs/resume-command.ts'
import { shellWord } from '../system/shell-word.ts'

/** What to do if a run did not come to its end. */
export const resumeAdvice = ({ path, manifest }: Pick<LoadedRun, 'path' | 'manifest'>): string =>
  `finish it: ${resumeCommand(path, manifest)}`

/**
 * What to do about an accuracy that was missed.
 * @param found whether there is a figure
 */
export function adviceFor(expectation: AccuracyExpectation, run: LoadedRun, found: boolean): string {
  if (!found && !run.finished) return resumeAdvice(run)
  if (!found) return 'name a round, an owner or a merge rule that the run has'
  const { 'max-drop-from': drop } = expectation
  if (drop !== undefined)
    return `if this is the new standard, add --update: it writes ${drop} anew; otherwise find what changed`
  return `find what changed: fedunify compare BEFORE ${shellWord(run.path)}; if this is meant, change the expectation`
}
