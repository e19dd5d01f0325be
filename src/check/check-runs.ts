import { assertMergeNames } from '../config/expectations.ts'
import { FedunifyError } from '../errors.ts'
import { manifestFile } from '../runs/manifest.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { type NamedRun, namedRuns } from '../runs/read/named-runs.ts'
import type { Reference } from './accuracy.ts'
import { applies, checkFinished, evaluate } from './evaluate.ts'
import { EXPECT_HINT, expectationsOf, readExpectations, type WrittenExpectation } from './expectations.ts'
import type { Outcome, RunOutcomes } from './outcome.ts'
import { readReference } from './reference.ts'

/**
 * Checks runs against their expectations. A run that cannot be read is an outcome too, so that the others are still
 * checked.
 * @param named run folders, folders of runs, globs
 * @param file expectations to take instead of the runs' own
 * @throws FedunifyError (usage) if nothing is expected of any run, or the file is wrong
 */
export async function checkRuns(named: readonly string[], file?: string, signal?: AbortSignal): Promise<RunOutcomes[]> {
  const given = file === undefined ? undefined : await readExpectations(file, signal)
  // Each once, whichever names mean it.
  const all = new Set((await namedRuns(named)).flat())
  if (given) assertNames(given, [...all])
  const found = [...all].map((one) => expectingOf(one, given))
  const loaded = found.filter((one): one is Expecting => 'run' in one)
  if (loaded.length > 0 && loaded.every(({ expectations }) => expectations.length === 0)) {
    const message = `${loaded[0]!.run.path}: nothing is expected of it${loaded.length > 1 ? ', nor of the others' : ''}`
    throw new FedunifyError('E_NO_EXPECTATIONS', message, `give --expect FILE; ${EXPECT_HINT}`)
  }

  const references = new References(file)
  const applied = new Set<string>()
  const reports: RunOutcomes[] = []
  for (const one of found) {
    if (!('run' in one)) {
      reports.push(one)
      continue
    }
    const { run, expectations } = one
    const outcomes = [checkFinished(run)]
    if (expectations.length === 0) outcomes.push(nothingExpected(run))
    for (const written of expectations.filter(({ expectation }) => applies(expectation, run))) {
      applied.add(JSON.stringify(written.expectation))
      outcomes.push(...(await evaluateWritten(written, run, references)))
    }
    reports.push({ path: run.path, outcomes })
  }
  return [...reports, ...unmatched(loaded, applied)]
}

/** A mistyped merge rule is found out, unless it may be that of a run which cannot be read. */
function assertNames(given: readonly WrittenExpectation[], all: readonly NamedRun[]): void {
  const own = all.map((one) => ('run' in one ? Object.keys(one.run.manifest.merge_rules ?? {}) : undefined))
  if (own.includes(undefined)) return
  const expectations = given.map(({ expectation }) => expectation)
  assertMergeNames(
    expectations,
    own.flatMap((names) => names ?? []),
    (i) => given[i]!.from,
  )
}

/** A run and what is expected of it. */
interface Expecting {
  readonly run: LoadedRun
  readonly expectations: readonly WrittenExpectation[]
}

/** A run with its expectations; the outcome of one that is not there, cannot be read or expects what cannot be. */
function expectingOf(one: NamedRun, given: readonly WrittenExpectation[] | undefined): Expecting | RunOutcomes {
  const { path } = one
  if ('missing' in one) return { path, outcomes: [missing(path, one.missing)] }
  if ('error' in one) return { path, outcomes: [unreadable(path, one.error)] }
  try {
    return { run: one.run, expectations: given ?? expectationsOf(path, one.run.manifest) }
  } catch (error) {
    if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
    return { path, outcomes: [unreadable(path, error)] }
  }
}

async function evaluateWritten(
  { expectation, from }: WrittenExpectation,
  run: LoadedRun,
  references: References,
): Promise<Outcome[]> {
  const drop = 'max-drop-from' in expectation ? expectation['max-drop-from'] : undefined
  try {
    const reference =
      drop === undefined || !('at' in expectation) ? undefined : await references.get(drop, expectation.metric, run)
    return evaluate(expectation, run, reference).map((outcome) => ({ ...outcome, from }))
  } catch (error) {
    if (!(error instanceof FedunifyError)) throw error
    return [{ ...failure(`${expectation.metric} against a reference`, 'a reference', error, drop ?? run.path), from }]
  }
}

/** Reference tables, each read once. */
class References {
  readonly #file: string | undefined
  readonly #read = new Map<string, Promise<Reference>>()

  constructor(file: string | undefined) {
    this.#file = file
  }

  get(named: string, metric: 'unified' | 'local', run: LoadedRun): Promise<Reference> {
    const beside = this.#file ?? manifestFile(run.path)
    const key = JSON.stringify([named, metric, beside])
    const reading = this.#read.get(key) ?? readReference(named, metric, beside)
    this.#read.set(key, reading)
    return reading
  }
}

const unreadable = (path: string, error: FedunifyError) => failure('run', 'files as a run leaves them', error, path)

const missing = (path: string, reason: string): Outcome => ({
  status: 'missed',
  subject: 'run',
  expected: 'a finished run',
  got: `nothing: ${reason}`,
  file: path,
})

const nothingExpected = ({ path }: LoadedRun): Outcome => ({
  status: 'missed',
  subject: 'expectations',
  expected: 'at least one, as the other runs have',
  got: 'none',
  file: manifestFile(path),
})

function failure(subject: string, expected: string, error: FedunifyError, file: string): Outcome {
  const got = error.hint ? `${error.message} (${error.hint})` : error.message
  return { status: 'error', subject, expected, got, file }
}

/** Expectations that were those of no run: nobody would notice that they are never looked at. */
function unmatched(loaded: readonly Expecting[], applied: ReadonlySet<string>): RunOutcomes[] {
  const idle = new Map<string, Outcome>()
  for (const { expectation, from } of loaded.flatMap(({ expectations }) => expectations)) {
    const key = JSON.stringify(expectation)
    if (applied.has(key) || idle.has(key)) continue
    const when = Object.entries(expectation.when ?? {}).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    const expected = `a run with ${when.join(' and ')}`
    const file = from.replace(/:\d+$|: .*$/, '')
    idle.set(key, { status: 'missed', subject: expectation.metric, expected, got: 'none of the runs', file, from })
  }
  return idle.size > 0 ? [{ path: 'expectations of no run', outcomes: [...idle.values()] }] : []
}
