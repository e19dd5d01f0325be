import { keptFile, OWNERS } from '../../runs/kept-files.ts'
import type { Examination } from '../../runs/read/examine-run.ts'
import { oneLine, type Palette } from '../../visible.ts'

/** How each run folder came out, and below it what differs, what is not covered and what is none of the run's. */
export function verifyText(all: readonly Examination[], { green, red, dim }: Palette): string {
  return all
    .flatMap(({ path, status, differences, same, lacking, analyses, others, note }) => {
      const whole = same.length > 0 ? `${same.length} files as the run left them` : 'its tables agree with each other'
      const state = status === undefined || status === 'finished' ? '' : ` (${status})`
      const head =
        differences.length === 0
          ? `${green('✓ ok')}       ${oneLine(path)}: ${whole}`
          : `${red('✗ differs')}  ${oneLine(path)}`
      const list = (names: readonly string[]) => names.map(oneLine).join(', ')
      const below = [
        ...differences.map(({ message }) => oneLine(message)),
        ...(note === undefined ? [] : [dim(`note: ${oneLine(note)}`)]),
        ...(lacking.length === 0 ? [] : [dim(`not there, and not needed: ${list(counted(lacking))}`)]),
        ...(analyses.length === 0 ? [] : [dim(`as they were written: ${list(analyses)}`)]),
        ...(others.length === 0 ? [] : [dim(`not part of the run: ${list(others)}`)]),
      ]
      return [`${head}${state}`, ...below.map((line) => `           ${line}`)]
    })
    .map((line) => `${line}\n`)
    .join('')
}

/** Names of files; of kept weights, of which there may be thousands, their number. */
function counted(names: readonly string[]): string[] {
  const kept = names.filter((name) => keptFile(name) !== undefined).length
  const others = names.filter((name) => keptFile(name) === undefined)
  return kept === 0 ? others : [...others, `${OWNERS}/ (${kept} files)`]
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** For programs (docs/formats.md). */
export function verifyJson(all: readonly Examination[]): string {
  const runs = all.map(({ path, status, differences, same, lacking, analyses, others, note }) => ({
    path,
    ok: differences.length === 0,
    status: status ?? null,
    differences: differences.map(({ file, message, hint }) => ({ file, message, hint: hint ?? null })),
    same,
    lacking,
    analyses,
    others,
    note: note ?? null,
  }))
  return `${JSON.stringify({ format: FORMAT, runs }, null, 2)}\n`
}
