import type { Finding } from '../doctor/finding.ts'
import { FedunifyError } from '../errors.ts'
import { wrap } from '../report/terminal/wrap.ts'
import { oneLine } from '../visible.ts'
import { colorsOf, type Io } from './io.ts'

interface Telling {
  readonly json: boolean
  /** Of the JSON. */
  readonly format: number
  /** What is said if there is no problem, and if there is one. */
  readonly good: string
  readonly bad: string
}

/**
 * Prints what was found, as lines or as one JSON object.
 * @throws FedunifyError if there is a problem: (data) if all of them lie in the data or the disk, else (usage)
 */
export function tellFindings(findings: readonly Finding[], { json, format, good, bad }: Telling, io: Io): void {
  const problems = findings.filter(({ status }) => status === 'problem')
  const ready = problems.length === 0
  if (json) io.out(`${JSON.stringify({ format, ready, findings }, null, 2)}\n`)
  else {
    // What works, or is not there, without being needed does not stand before the verdict.
    const below = findings.filter(({ optional, status }) => optional && status !== 'warning' && status !== 'problem')
    io.say(
      `${table(
        findings.filter((finding) => !below.includes(finding)),
        io,
      )}\n`,
    )
    if (ready) io.say(`${good}\n`)
    if (below.length > 0)
      io.say(`${ready ? '\n' : ''}Optional, only for runs that ask for it:\n${wrap(table(below, io), io.width)}`)
  }
  if (ready) return
  const code = problems.some((problem) => !problem.data) ? 'E_DOCTOR_SETUP' : 'E_DOCTOR_DATA'
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new FedunifyError(code, `${count}: ${bad}`, problems.find(({ fix }) => fix)?.fix)
}

function table(findings: readonly Finding[], io: Io): string {
  const { green, yellow, red, dim } = colorsOf(io)
  const paint = { ok: green, absent: dim, warning: yellow, problem: red }
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  const lines = findings.map(({ subject, status, detail, fix }) => {
    const line = `${subject.padEnd(width)}  ${paint[status](status.padEnd('problem'.length))}  ${oneLine(detail)}`
    return fix === undefined ? line : `${line}\n${' '.repeat(width + 11)}${dim('try:')} ${oneLine(fix)}`
  })
  return `${lines.join('\n')}\n`
}
