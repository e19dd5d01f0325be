import { type RunOutcomes, tallyLine } from '../../check/outcome.ts'
import { onLines } from './terminal.ts'

/** Workflow commands of GitHub Actions: an annotation for each expectation that was not met, then the sum. */
export function githubReport(checked: readonly RunOutcomes[]): string {
  const runs = onLines(checked)
  const annotations = runs.flatMap(({ path, outcomes }) =>
    outcomes
      .filter(({ status }) => status !== 'met')
      .map(({ subject, expected, got, file, line, from }) => {
        const properties = { file, line, title: `${path}: ${subject}` }
        const given = Object.entries(properties).filter(([, value]) => value !== undefined)
        const list = given.map(([key, value]) => `${key}=${property(String(value))}`).join(',')
        return `::error ${list}::${data(`expected ${expected}, got ${got}${from ? ` (${from})` : ''}`)}\n`
      }),
  )
  return `${annotations.join('')}${tallyLine(runs)}\n`
}

const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
