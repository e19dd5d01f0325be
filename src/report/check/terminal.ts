import { type Outcome, type RunOutcomes, tally, tallyLine } from '../../check/outcome.ts'
import { oneLine, type Palette } from '../../visible.ts'

const WORDS = { met: '✓ met', missed: '✗ missed', error: '✗ error' }

/** For people: every expectation on a line, with expected, got and the file below one that was not met. */
export function terminalReport(checked: readonly RunOutcomes[], colors: Palette): string {
  const runs = onLines(checked)
  const subjects = runs.flatMap(({ outcomes }) => outcomes).map(({ subject }) => subject.length)
  const width = Math.max(0, ...subjects)
  const blocks = runs.map(({ path, outcomes }) =>
    [colors.bold(path), ...outcomes.flatMap((outcome) => lines(outcome, width, colors))].join('\n'),
  )
  const { missed, errors } = tally(runs)
  const verdict = missed + errors > 0 ? colors.red : colors.green
  return `${[...blocks, verdict(tallyLine(runs))].join('\n\n')}\n`
}

function lines(outcome: Outcome, width: number, { green, red, dim }: Palette): string[] {
  const { status, subject, expected, got, from } = outcome
  const mark = (status === 'met' ? green : red)(WORDS[status].padEnd(9))
  const head = `  ${mark} ${subject.padEnd(width)}  `
  if (status === 'met') return [`${head}${got}${expected === got ? '' : dim(`, expected ${expected}`)}`]
  const indent = ' '.repeat(14 + width)
  const rest = [
    `${'got'.padEnd(9)}${got}`,
    `${'in'.padEnd(9)}${placeOf(outcome)}`,
    from && `${'from'.padEnd(9)}${from}`,
  ]
  return [`${head}expected ${expected}`, ...rest.flatMap((line) => (line ? [`${indent}${line}`] : []))]
}

/** Outcomes of which each text is one line, whatever names and files hold. */
export const onLines = (runs: readonly RunOutcomes[]): RunOutcomes[] =>
  runs.map(({ path, outcomes }) => ({ path: oneLine(path), outcomes: outcomes.map(onLine) }))

const onLine = (outcome: Outcome): Outcome => ({
  ...outcome,
  subject: oneLine(outcome.subject),
  expected: oneLine(outcome.expected),
  got: oneLine(outcome.got),
  file: oneLine(outcome.file),
  from: outcome.from && oneLine(outcome.from),
})

/** results/table4/s0/unified.csv:31 */
export const placeOf = ({ file, line }: Outcome): string => (line === undefined ? file : `${file}:${line}`)
