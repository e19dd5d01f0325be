import { dirname } from 'node:path'
import { type AccuracyExpectation, assertMergeNames } from '../config/expectations.ts'
import { FedunifyError } from '../errors.ts'
import type { LoadedRun } from '../runs/read/load-run.ts'
import { type NamedRun, namedRuns } from '../runs/read/named-runs.ts'
import { groupRuns, onePerSeed } from '../runs/read/run-groups.ts'
import { checkAttack } from './attack.ts'
import { applies, checkFinished, evaluate } from './evaluate.ts'
import { EXPECT_HINT, readExpectations, type WrittenExpectation } from './expected/expectations.ts'
import { CurrentFiles } from './expected/expected-of.ts'
import { isGateFile, plannedRuns } from './expected/planned-runs.ts'
import { missing, nothingExpected, origin, unmatched, unreadable } from './failures.ts'
import type { RunOutcomes } from './outcome.ts'
import { checkOverSeeds } from './over-seeds.ts'
import { isAccuracy, References } from './reference/references.ts'
import { updateReferences } from './reference/update-references.ts'

export interface CheckOptions {
  readonly signal?: AbortSignal | undefined
  /** Asks for the references to be written anew first; told what changed in them. */
  readonly updated?: (lines: readonly string[]) => void
}

/**
 * Checks runs against their expectations. A run that cannot be read is an outcome too, so that the others are still
 * checked.
 * @param named run folders, folders of runs, globs; files of experiments, whose runs are meant
 * @param file expectations to take instead of the runs' own
 * @throws FedunifyError (usage) if nothing is expected of any run, or a file is wrong
 */
export async function checkRuns(
  named: readonly string[],
  file?: string,
  { signal, updated }: CheckOptions = {},
): Promise<RunOutcomes[]> {
  const current = new CurrentFiles(signal)
  const found: (Expecting | RunOutcomes)[] = []
  for (const { runs, given } of await gather(named, file, signal)) {
    if (given) assertNames(given, runs)
    for (const one of runs) found.push(await expectingOf(one, given, current))
  }
  const loaded = found.filter((one): one is Expecting => 'run' in one)
  if (loaded.length > 0 && loaded.every(({ expectations }) => expectations.length === 0)) {
    const message =
      loaded.length > 1 ? 'none of these runs has expectations' : `${loaded[0]!.run.path} has no expectations`
    throw new FedunifyError('E_NO_EXPECTATIONS', message, `give --expect FILE; ${EXPECT_HINT}`)
  }
  if (updated) updated(await update(found))

  const references = new References()
  const reports: RunOutcomes[] = []
  for (const one of found) reports.push('run' in one ? await checkOne(one, references) : one)
  return [...reports, ...(await checkSeeds(loaded, references)), ...idle(loaded)]
}

/** Runs, and what is expected of them if it is not their own. */
interface Gathered {
  readonly runs: readonly NamedRun[]
  readonly given: readonly WrittenExpectation[] | undefined
}

/** Each run once, whichever names mean it; of experiment files alone, the runs that each describes. */
async function gather(named: readonly string[], file: string | undefined, signal?: AbortSignal): Promise<Gathered[]> {
  const files: string[] = []
  for (const name of named) if (await isGateFile(name)) files.push(name)
  const others = named.filter((name) => !files.includes(name))
  const read = (name: string) => readExpectations(name, signal)
  if (others.length === 0) {
    const all: Gathered[] = []
    const given = file === undefined ? undefined : await read(file)
    for (const one of files) all.push({ given: given ?? (await read(one)), runs: await plannedRuns(one, signal) })
    return all
  }
  const gates = [...files, ...(file === undefined ? [] : [file])]
  if (gates.length > 1) {
    const message = `${gates.join(' and ')} both say what is expected of ${others[0]}`
    throw new FedunifyError('E_CONFLICT', message, 'name one file of expectations beside runs')
  }
  const given = gates[0] === undefined ? undefined : await read(gates[0])
  return [{ given, runs: [...new Set((await namedRuns(others)).flat())] }]
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
  readonly notes: readonly string[]
}

/** A run with its expectations; the outcome of one that is not there, cannot be read or expects what cannot be. */
async function expectingOf(
  one: NamedRun,
  given: readonly WrittenExpectation[] | undefined,
  current: CurrentFiles,
): Promise<Expecting | RunOutcomes> {
  const { path } = one
  if ('missing' in one) return { path, outcomes: [missing(path, one.missing)] }
  if ('error' in one) return { path, outcomes: [unreadable(path, one.error)] }
  const { run } = one
  try {
    const { expectations, note } = given ? { expectations: given } : await current.expectedOf(run)
    return { run, expectations, notes: [note, run.note].filter((text) => text !== undefined) }
  } catch (error) {
    if (!(error instanceof FedunifyError) || error.kind !== 'data') throw error
    return { path, outcomes: [unreadable(path, error)] }
  }
}

type OverSeeds = WrittenExpectation & { readonly expectation: AccuracyExpectation }

const isOverSeeds = (written: WrittenExpectation): written is OverSeeds =>
  isAccuracy(written.expectation) && written.expectation.over === 'seeds'

async function checkOne({ run, expectations, notes }: Expecting, references: References): Promise<RunOutcomes> {
  const outcomes = [checkFinished(run)]
  if (expectations.length === 0) outcomes.push(nothingExpected(run))
  for (const written of expectations) {
    const { expectation } = written
    if (isOverSeeds(written) || !applies(expectation, run)) continue
    if (expectation.metric === 'attack') {
      const found = await checkAttack(expectation, run)
      outcomes.push(...found.map((outcome) => ({ ...outcome, ...origin(written) })))
      continue
    }
    outcomes.push(...(await references.with(written, run.path, (reference) => evaluate(expectation, run, reference))))
  }
  return { path: run.path, outcomes, notes }
}

/** Expectations of means: an entry for each group of runs that differ in nothing but their seeds. */
async function checkSeeds(loaded: readonly Expecting[], references: References): Promise<RunOutcomes[]> {
  const reports: RunOutcomes[] = []
  for (const group of groupRuns(loaded, ({ run }) => run.manifest.config)) {
    const { runs, repeats } = onePerSeed(group.runs.map(({ run }) => run))
    const [first] = runs
    const all = new Map(
      group.runs.flatMap(({ expectations }) => expectations).map((written) => [keyOf(written), written]),
    )
    const written = [...all.values()].filter(isOverSeeds).filter(({ expectation }) => applies(expectation, first!))
    if (written.length === 0) continue
    const seeds = runs.map(({ manifest }) => manifest.config.seed).join(', ')
    const path = `${dirname(first!.path)}${group.label ? ` (${group.label})` : ''}, ${runs.length > 1 ? 'seeds' : 'seed'} ${seeds}`
    const notes = repeats.map(({ path }) => `${path} has the seed of another run and does not count`)
    const outcomes = []
    for (const one of written) {
      const judge = references.with(one, path, (reference) =>
        checkOverSeeds(one.expectation, [first!, ...runs.slice(1)], reference),
      )
      outcomes.push(...(await judge))
    }
    reports.push({ path, outcomes, notes })
  }
  return reports
}

/** The same expectation, kept by many runs of a batch, is one. */
const keyOf = ({ expectation }: WrittenExpectation) => JSON.stringify(expectation)

/** Expectations that were those of no run. */
function idle(loaded: readonly Expecting[]): RunOutcomes[] {
  const applied = new Set<string>()
  const all = new Map<string, WrittenExpectation>()
  for (const { run, expectations } of loaded) {
    for (const written of expectations) {
      if (applies(written.expectation, run)) applied.add(keyOf(written))
      if (!all.has(keyOf(written))) all.set(keyOf(written), written)
    }
  }
  const outcomes = [...all].filter(([key]) => !applied.has(key)).map(([, written]) => unmatched(written))
  return outcomes.length > 0 ? [{ path: 'expectations of no run', outcomes }] : []
}

/** @throws FedunifyError (data) if one of the runs cannot be read: a reference is not made of a part of them */
async function update(found: readonly (Expecting | RunOutcomes)[]): Promise<string[]> {
  const compared = found.flatMap((one) => {
    if (!('run' in one)) {
      const { got } = one.outcomes[0]!
      throw new FedunifyError('E_CHECK_INCOMPLETE', `--update: ${one.path}: ${got}`, 'no reference was written')
    }
    const { run, expectations } = one
    return expectations.flatMap(({ expectation, file }) => {
      const named = isAccuracy(expectation) && expectation['max-drop-from'] !== undefined && applies(expectation, run)
      return named ? [{ run, expectation, beside: file }] : []
    })
  })
  return await updateReferences(compared)
}
