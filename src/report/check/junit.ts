import { type Outcome, type RunOutcomes, type Tally, tally } from '../../check/outcome.ts'
import { onLines, placeOf } from './terminal.ts'

/** JUnit's XML, which CI servers show: a test suite for each run, a test case for each expectation. */
export function junitReport(checked: readonly RunOutcomes[]): string {
  const runs = onLines(checked)
  const suites = runs.map((run) => {
    const cases = run.outcomes.map((outcome) => testCase(run.path, outcome)).join('')
    return `  <testsuite name="${escaped(run.path)}" ${counts(tally([run]))}>\n${cases}  </testsuite>\n`
  })
  const all = `<testsuites name="fedunify check" ${counts(tally(runs))}>\n${suites.join('')}</testsuites>\n`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${all}`
}

const counts = ({ met, missed, errors }: Tally) =>
  `tests="${met + missed + errors}" failures="${missed}" errors="${errors}" skipped="0" time="0"`

function testCase(path: string, outcome: Outcome): string {
  const { status, subject, expected, got, from } = outcome
  const name = escaped(`${subject}: ${expected}`)
  const head = `    <testcase classname="${escaped(path)}" name="${name}" time="0"`
  if (status === 'met') return `${head}/>\n`
  const tag = status === 'missed' ? 'failure' : 'error'
  const details = [
    `expected: ${expected}`,
    `got: ${got}`,
    `in: ${placeOf(outcome)}`,
    ...(from ? [`from: ${from}`] : []),
  ]
  const message = escaped(`expected ${expected}, got ${got}`)
  const inside = `      <${tag} type="${status}" message="${message}">${escaped(details.join('\n'))}</${tag}>\n`
  return `${head}>\n${inside}    </testcase>\n`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Characters that XML 1.0 cannot hold, not even escaped, are replaced. */
function escaped(text: string): string {
  const legal = text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
  return legal.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}
