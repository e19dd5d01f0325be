import { relative, resolve } from 'node:path'
import { type Outcome, pointsText, type RunOutcomes, tally, tallyLine } from '../../check/outcome.ts'
import { isWithin } from '../../system/shared-path.ts'
import { asText, row } from '../markdown.ts'
import { onLines } from './on-lines.ts'

/** Workflow commands of GitHub Actions: an annotation for each expectation that was not met, where it is written. */
export function githubReport(checked: readonly RunOutcomes[]): string {
  return onLines(checked)
    .flatMap(({ path, outcomes }) =>
      outcomes.filter(({ status }) => status !== 'met').map((outcome) => annotation(path, outcome)),
    )
    .join('')
}

function annotation(path: string, outcome: Outcome): string {
  const { subject, file, line, from, fromFile, fromLine, hint } = outcome
  // In a pull request GitHub shows those of files that are in it: a run folder hardly is.
  // What a run kept has no line.
  const isWritten = fromFile !== undefined && fromLine !== undefined
  const place = isWritten ? { file: inRepository(fromFile), line: fromLine } : { file, line }
  const properties = Object.entries({ ...place, title: `${path}: ${subject}` })
  const list = properties.flatMap(([key, value]) => (value === undefined ? [] : `${key}=${property(String(value))}`))
  const more = [from && `(${from})`, hint && `- ${hint}`].filter(Boolean).join(' ')
  return `::error ${list.join(',')}::${data(`${missText(outcome)} ${more}`.trimEnd())}\n`
}

/** expected at least 90.00 %, got 88.00 % in round 3: 2.00 points short */
const missText = ({ expected, got, pointsShort }: Outcome) =>
  `expected ${expected}, got ${got}${pointsShort ? `: missed by ${pointsText(pointsShort)}` : ''}`

/** The path of a file in the repository that the workflow checked out. */
function inRepository(file: string): string {
  const { GITHUB_WORKSPACE: root } = process.env
  if (!root) return file
  const path = relative(root, resolve(file))
  return isWithin(path) ? path.replaceAll('\\', '/') : file
}

// https://github.com/actions/toolkit, packages/core/src/command.ts: what a value must not hold.
const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** A step's summary may have a megabyte. */
const MOST_ROWS = 1000

/** The summary of a step: the verdict, then what was not met, then all the rest, folded. */
export function githubSummary(checked: readonly RunOutcomes[]): string {
  const runs = onLines(checked)
  const { missed, errors } = tally(runs)
  const all = runs.flatMap(({ path, outcomes }) => outcomes.map((outcome) => ({ path, ...outcome })))
  const table = (rows: typeof all) => {
    const head = [
      row(['run', 'what', 'expected', 'got', 'missed by', 'from']),
      '| --- | --- | --- | --- | ---: | --- |',
    ]
    const lines = rows.slice(0, MOST_ROWS).map(({ path, subject, expected, got, pointsShort, from }) => {
      return row([path, subject, expected, got, pointsShort ? pointsText(pointsShort) : '', from ?? ''])
    })
    const rest = rows.length > MOST_ROWS ? [`\n${rows.length - MOST_ROWS} more are not shown.`] : []
    return [...head, ...lines, ...rest].join('\n')
  }
  const wrong = all.filter(({ status }) => status !== 'met')
  const met = all.filter(({ status }) => status === 'met')
  const notes = [...new Set(runs.flatMap(({ notes = [] }) => notes))].map((note) => `- ${asText(note)}`)
  const blocks = [
    `### ${missed + errors > 0 ? '❌' : '✅'} fedunify check: ${tallyLine(runs)}`,
    ...(wrong.length > 0 ? [table(wrong)] : []),
    ...(met.length > 0 ? [`<details><summary>${met.length} met</summary>\n\n${table(met)}\n\n</details>`] : []),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ]
  return `${blocks.join('\n\n')}\n`
}
