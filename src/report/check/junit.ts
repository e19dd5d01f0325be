import { type Outcome, pointsText, type RunOutcomes, type Tally, tally } from '../../check/outcome.ts'
import { onLines, placeOf } from './on-lines.ts'

/**
 * JUnit's XML, which CI servers show: a test suite for each run, a test case for each expectation.
 * It keeps to the schema of Jenkins' xUnit plug-in (junit-10.xsd), which knows no `skipped` of all suites together.
 */
export function junitReport(checked: readonly RunOutcomes[]): string {
  const runs = onLines(checked)
  const suites = runs.map((run) => {
    const cases = withNames(run.outcomes).map(([name, outcome]) => testCase(run.path, name, outcome))
    const notes = run.notes?.length ? `    <system-out>${escaped(run.notes.join('\n'))}</system-out>\n` : ''
    const head = `<testsuite name="${escaped(run.path)}" ${counts(tally([run]))} skipped="0">`
    return `  ${head}\n${cases.join('')}${notes}  </testsuite>\n`
  })
  const all = `<testsuites name="fedunify check" ${counts(tally(runs))}>\n${suites.join('')}</testsuites>\n`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${all}`
}

const counts = ({ met, missed, errors }: Tally) =>
  `tests="${met + missed + errors}" failures="${missed}" errors="${errors}" time="0"`

/** Each with a name of its own: CI servers take two test cases of one name for one. */
function withNames(outcomes: readonly Outcome[]): [string, Outcome][] {
  const seen = new Map<string, number>()
  return outcomes.map((outcome) => {
    const name = `${outcome.subject}: ${outcome.expected}`
    const times = (seen.get(name) ?? 0) + 1
    seen.set(name, times)
    return [times === 1 ? name : `${name} (${times})`, outcome]
  })
}

function testCase(path: string, called: string, outcome: Outcome): string {
  const { status, expected, got, from, pointsShort, hint } = outcome
  const name = escaped(called)
  const head = `    <testcase classname="${escaped(path)}" name="${name}" time="0"`
  if (status === 'met') return `${head}/>\n`
  const tag = status === 'missed' ? 'failure' : 'error'
  const details = [
    `expected: ${expected}`,
    `got: ${got}`,
    ...(pointsShort ? [`missed by: ${pointsText(pointsShort)}`] : []),
    `in: ${placeOf(outcome)}`,
    ...(from ? [`from: ${from}`] : []),
    ...(hint ? [`try: ${hint}`] : []),
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
