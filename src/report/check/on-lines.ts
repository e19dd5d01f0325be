import type { Outcome, RunOutcomes } from '../../check/outcome.ts'
import { oneLine } from '../../visible.ts'

/** Outcomes of which each text is one line, whatever names and files hold. */
export const onLines = (runs: readonly RunOutcomes[]): RunOutcomes[] =>
  runs.map(({ path, outcomes, notes = [] }) => ({
    path: oneLine(path),
    outcomes: outcomes.map(onLine),
    notes: notes.map(oneLine),
  }))

function onLine(outcome: Outcome): Outcome {
  const texts = Object.entries(outcome).map(([key, value]) => [key, typeof value === 'string' ? oneLine(value) : value])
  return Object.fromEntries(texts) as Outcome
}

/** results/table4/s0/unified.csv:31 */
export const placeOf = ({ file, line }: Outcome): string => (line === undefined ? file : `${file}:${line}`)
