import { type Outcome, pointsText, type RunOutcomes, tally, tallyLine } from '../../check/outcome.ts'
import type { Palette } from '../../visible.ts'
import { onLines, placeOf } from './on-lines.ts'

const WORDS = { met: '✓ met', missed: '✗ missed', error: '✗ error' }

/** For people: every expectation on a line, with expected, got and the file below one that was not met. */
export function terminalReport(checked: readonly RunOutcomes[], colors: Palette): string {
  const runs = onLines(checked)
  const subjects = runs.flatMap(({ outcomes }) => outcomes).map(({ subject }) => subject.length)
  const width = Math.max(0, ...subjects)
  // Said once: many misses have one remedy.
  const advised = new Set<string>()
  const blocks = runs.map(({ path, outcomes, notes = [] }) =>
    [
      colors.bold(path),
      ...outcomes.flatMap((outcome) => lines(outcome, width, colors, advised)),
      ...notes.map((note) => colors.dim(`  note: ${note}`)),
    ].join('\n'),
  )
  const { missed, errors } = tally(runs)
  const verdict = missed + errors > 0 ? colors.red : colors.green
  return `${[...blocks, verdict(tallyLine(runs))].join('\n\n')}\n`
}

function lines(outcome: Outcome, width: number, { green, red, dim }: Palette, advised: Set<string>): string[] {
  const { status, subject, expected, got, from, pointsShort, hint } = outcome
  const mark = (status === 'met' ? green : red)(WORDS[status].padEnd(9))
  const head = `  ${mark} ${subject.padEnd(width)}  `
  if (status === 'met') return [`${head}${got}${expected === got ? '' : dim(`, expected ${expected}`)}`]
  const indent = ' '.repeat(14 + width)
  const rest = [
    `${'got'.padEnd(9)}${got}`,
    pointsShort && `${'by'.padEnd(9)}${pointsText(pointsShort)}`,
    `${'in'.padEnd(9)}${placeOf(outcome)}`,
    from && `${'from'.padEnd(9)}${from}`,
    hint && !advised.has(hint) && `${'try'.padEnd(9)}${hint}`,
  ]
  if (hint) advised.add(hint)
  return [`${head}expected ${expected}`, ...rest.flatMap((line) => (line ? [`${indent}${line}`] : []))]
}
