import type { AccuracyExpectation } from '../config/expectations.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import type { Point } from '../runs/read/series.ts'
import { resumeCommand } from '../runs/resume-command.ts'
import { shellWord } from '../system/shell-word.ts'

/** What to do if a run did not come to its end. */
export const resumeAdvice = ({ path, manifest }: Pick<LoadedRun, 'path' | 'manifest'>): string =>
  `finish it: ${resumeCommand(path, manifest)}`

/**
 * What to do about an accuracy that was missed.
 * @param point the figure, if there is one
 */
export function adviceFor(expectation: AccuracyExpectation, run: LoadedRun, point: Point | undefined): string {
  if (!point && !run.finished) return resumeAdvice(run)
  if (!point) return 'name a round, an owner or a merge rule that the run has'
  const { 'max-drop-from': drop } = expectation
  if (drop !== undefined)
    return `if this is the new standard, add --update: it writes ${drop} anew; otherwise find what changed`
  return `find what changed: fedunify compare BEFORE ${shellWord(run.path)}; if this is meant, change the expectation`
}
