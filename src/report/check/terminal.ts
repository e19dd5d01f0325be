import type pc from 'picocolors'
import { type Outcome, type RunOutcomes, tally, tallyLine } from '../../check/outcome.ts'

export type Palette = Pick<ReturnType<typeof pc.createColors>, 'green' | 'red' | 'bold' | 'dim'>

const WORDS = { met: '✓ met', missed: '✗ missed', error: '✗ error' }

/** For people: every expectation on a line, with expected, got and the file below one that was not met. */
export function terminalReport(runs: readonly RunOutcomes[], colors: Palette): string {
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

/** «results/table4/s0/unified.csv:31» */
export const placeOf = ({ file, line }: Outcome): string => (line === undefined ? file : `${file}:${line}`)
