import type { FedunifyError } from '../errors.ts'
import { manifestFile } from '../runs/manifest.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import type { WrittenExpectation } from './expected/expectations.ts'
import type { Outcome } from './outcome.ts'

/** Where an expectation is written, as an outcome says it. */
export const origin = ({ from, file, line }: WrittenExpectation) => ({ from, fromFile: file, fromLine: line })

/** Of a run that cannot be read or trusted. */
export const unreadable = (path: string, error: FedunifyError): Outcome =>
  failure('run', 'files as a run leaves them', error, path)

export function failure(subject: string, expected: string, error: FedunifyError, file: string): Outcome {
  const got = error.hint ? `${error.message} (${error.hint})` : error.message
  return { status: 'error', subject, expected, got, file }
}

export const missing = (path: string, reason: string): Outcome => ({
  status: 'missed',
  subject: 'run',
  expected: 'a finished run',
  got: `nothing: ${reason}`,
  file: path,
  hint: 'run it, or name what is there',
})

export const nothingExpected = ({ path }: LoadedRun): Outcome => ({
  status: 'missed',
  subject: 'expectations',
  expected: 'at least one, as the other runs have',
  got: 'none',
  file: manifestFile(path),
  hint: 'give --expect FILE',
})

/** Of an expectation that was that of no run: nobody would notice that it is never looked at. */
export function unmatched(written: WrittenExpectation): Outcome {
  const { expectation, file } = written
  const when = Object.entries(expectation.when ?? {}).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  const expected = `a run with ${when.join(' and ')}`
  const hint = 'name the runs that it is for too, or remove it'
  return {
    status: 'missed',
    subject: expectation.metric,
    expected,
    got: 'none of the runs',
    file,
    hint,
    ...origin(written),
  }
}
