import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { drawnOwners } from '../../federation/drawn-owners.ts'
import { isEvaluated } from '../../federation/schedule.ts'
import { percent } from '../../format.ts'
import { largest } from '../../stats.ts'
import type { SavedState } from '../checkpoint.ts'
import { isSealed } from '../manifest-text.ts'
import { type Manifest, withoutMetrics } from '../run-description.ts'
import { GROWING, mayLack } from '../run-files.ts'
import { localSeries, POOLED_SERIES } from '../series-name.ts'
import { EVENTS, localTable, paperTable, privacyTable, trafficTable, unifiedTable } from '../tables.ts'
import { type Mark, markOf } from '../write/growing-file.ts'
import type { Lined, LocalRow, PrivacyRow, Tables, TrafficRow, UnifiedRow } from './read-tables.ts'
import { addRound, type RoundsOf } from './series.ts'

/** What is wrong with a file of a run folder. */
export interface Fault {
  /** Its name in the folder. */
  readonly file: string
  readonly error: FedunifyError
}

/** What was found of the files that a run left. */
export interface Found {
  /** Those of its tables and events that are there. */
  readonly there: ReadonlySet<string>
  /** Those whose hashes are known and that are there as they were. */
  readonly same: readonly string[]
  readonly faults: readonly Fault[]
  /** Those that a published run may lack, and that are not there. */
  readonly lacking: readonly string[]
}

/**
 * Compares the files of a run folder with the hashes that its checkpoint holds of tables and events, and once it is
 * finished its manifest of all of them. Runs of before 0.4.0 that were published without their checkpoint have none.
 * @param skip files that are not looked at
 */
export async function compareWithMarks(
  dir: string,
  { status, files: last }: Manifest,
  saved: SavedState | undefined,
  skip: (file: string) => boolean = () => false,
): Promise<Found> {
  const finished = status === 'finished'
  const there = new Set<string>()
  const [same, lacking]: [string[], string[]] = [[], []]
  const faults: Fault[] = []
  // Before its first round, and in the first versions, a run has marked none of its files; then they are told by name.
  const marked = Object.keys((finished ? last : undefined) ?? saved?.files ?? {})
  const marksAll = marked.length > 0
  const others = marked.filter((name) => !GROWING.includes(name) && !skip(name))
  for (const name of [...GROWING, ...others]) {
    const mark = (finished ? last?.[name] : undefined) ?? saved?.files[name]
    // A file beside marked ones is not the run's: those of before 0.5.0 have no traffic.csv, whatever goes by its name.
    if (!mark && marksAll) continue
    // The event that ends a run comes behind its last checkpoint.
    const exact = !GROWING.includes(name) || (finished && (name !== EVENTS || last !== undefined))
    try {
      const now = await markOf(join(dir, name), mark?.size ?? 0)
      if (now && GROWING.includes(name)) there.add(name)
      if (!mark) continue
      if (!now && mayLack(name)) lacking.push(name)
      else if (assertMark(join(dir, name), mark, now, exact)) same.push(name)
    } catch (error) {
      if (!(error instanceof FedunifyError)) throw error
      faults.push({ file: name, error })
    }
  }
  return { there, same, faults, lacking }
}

/** @param exact whether the file may not be longer than it was */
function assertMark(file: string, mark: Mark, now: Mark | undefined, exact: boolean): true {
  if (!now) throw changed(file, 'it is missing')
  if (now.size < mark.size) throw changed(file, 'it is shorter than the run left it')
  if (now.sha256 !== mark.sha256) throw changed(file, 'it was edited')
  if (exact && now.size > mark.size) throw changed(file, 'it is longer than the run left it')
  return true
}

/**
 * Makes sure that the files of a run folder are those that the run left, as far as it knows their hashes.
 * @param skip files that are not looked at
 * @returns those of its tables and events that are there
 * @throws FedunifyError (data) naming the first file that was changed
 */
export async function assertUntouched(
  dir: string,
  manifest: Manifest,
  saved: SavedState | undefined,
  skip?: (file: string) => boolean,
): Promise<ReadonlySet<string>> {
  const { there, faults } = await compareWithMarks(dir, manifest, saved, skip)
  if (faults[0]) throw faults[0].error
  return there
}

/** What the hashes of a run do not cover, for whoever relies on its figures; undefined if they cover all of it. */
export function uncovered(manifest: Manifest, saved: SavedState | undefined): string | undefined {
  const { status, files, fedunify } = manifest
  if (isSealed(manifest)) return status === 'finished' ? undefined : 'it has not ended: of its models no hash is kept'
  const by = `fedunify ${fedunify} kept no hashes`
  if (files) return `${by} of config.yaml and manifest.json: an edit of what is expected of the run would not be seen`
  if (saved && Object.keys(saved.files).length > 0) {
    return `${by} of models, config.yaml and manifest.json: an edit of what is expected of the run would not be seen`
  }
  return `${by} with this run: edits of its files that agree with each other would not be seen`
}

/**
 * Compares the numbers of table.csv with those of the other two: all three are written from the same counts.
 * @throws FedunifyError (data) naming the cell
 */
export function assertConsistent(dir: string, { local, unified, table: [head = [], ...rows] }: Tables): void {
  /** By series and round, until table.csv has told it too. */
  const untold = new Map<string, Map<string, number | undefined>>()
  const add = (name: string, round: number, accuracy: number | undefined) => {
    if (accuracy !== undefined && !(accuracy >= 0 && accuracy <= 1)) {
      throw changed(dir, `the accuracy of round ${round}, ${name} is ${accuracy}, not a fraction`)
    }
    const rounds = untold.get(name) ?? new Map<string, number | undefined>()
    untold.set(name, rounds.set(String(round), accuracy))
  }
  for (const { round, owner, local_accuracy } of local) add(localSeries(owner), round, local_accuracy)
  for (const { round, merge, accuracy } of unified) add(merge, round, accuracy)
  for (const [i, [round, ...cells]] of rows.entries()) {
    for (const [j, cell] of cells.entries()) {
      const series = untold.get(head[j + 1]!)
      const accuracy = series?.get(round!)
      series?.delete(round!)
      const same = accuracy === undefined ? cell === '' : cell === percent(accuracy)
      if (same) continue
      const other = accuracy === undefined ? 'nothing' : percent(accuracy)
      const where = `${join(dir, paperTable.file)}:${i + 2}`
      throw changed(where, `${head[j + 1]} is ${cell}, where the other tables say ${other}`)
    }
  }
  for (const [name, rounds] of untold) {
    for (const round of rounds.keys()) throw changed(join(dir, paperTable.file), `round ${round}, ${name} is missing`)
  }
}

/**
 * Cells are empty if an owner keeps its metrics to itself, and in rounds without evaluation, and nowhere else.
 * @throws FedunifyError (data) naming the line
 */
export function assertTold(
  dir: string,
  { shards, config }: Manifest,
  local: readonly Lined<LocalRow>[],
  unified: readonly Lined<UnifiedRow>[],
): void {
  const silent = new Set(withoutMetrics(shards))
  const last = budgetEnd(config, unified)
  const fault = (file: string, line: number, empty: boolean) =>
    changed(`${join(dir, file)}:${line}`, empty ? 'a figure is missing' : 'it has a figure that nobody measured')
  for (const { round, owner, train_loss, local_accuracy, copied_accuracy, line } of local) {
    const shared = !silent.has(owner)
    const evaluated = shared && isEvaluated(config, round, last)
    const oddLoss = (train_loss === undefined) === shared
    const oddAccuracy = (local_accuracy === undefined) === evaluated || (copied_accuracy === undefined) === evaluated
    if (oddLoss || oddAccuracy) throw fault(localTable.file, line, oddLoss ? shared : evaluated)
  }
  for (const { round, merge, accuracy, loss, line } of unified) {
    const empty = accuracy === undefined
    const evaluated = isEvaluated(config, round, last)
    // The others may all have been absent, if that was allowed.
    const mayBeEmpty = !evaluated || (silent.size > 0 && merge !== POOLED_SERIES)
    const fits = empty ? mayBeEmpty : evaluated && silent.size < shards.length
    if (!fits || empty !== (loss === undefined)) throw fault(unifiedTable.file, line, empty || loss === undefined)
  }
}

/** The last round so far, if it was evaluated though it is not the turn of such a round: the budget of the noise ends there. */
function budgetEnd({ rounds, privacy }: Manifest['config'], unified: readonly UnifiedRow[]): number {
  if (privacy?.epsilon === undefined) return rounds
  const last = largest(unified.map(({ round }) => round))
  return unified.some(({ round, accuracy }) => round === last && accuracy !== undefined) ? last : rounds
}

/**
 * Every owner's traffic is there once for each round, and in bytes; where owners are drawn, that of those that train.
 * @throws FedunifyError (data) naming the line, or the row that is missing
 */
export function assertTraffic(
  dir: string,
  rounds: number,
  { config, shards }: Manifest,
  rows: readonly Lined<TrafficRow>[],
): void {
  const owners = shards.map(({ owner }) => owner)
  const file = join(dir, trafficTable.file)
  const there: RoundsOf = new Map(shards.map(({ owner }) => [localSeries(owner), new Set()]))
  for (const { round, owner, down_bytes, up_bytes, line } of rows) {
    const isOfRun = there.has(localSeries(owner)) && Number.isInteger(round) && round >= 1 && round <= rounds
    if (!isOfRun || !addRound(there, localSeries(owner), round)) {
      throw changed(`${file}:${line}`, `round ${round} of owner ${owner} is there twice, or is none of the run's`)
    }
    const odd = [down_bytes, up_bytes].find((bytes) => !Number.isSafeInteger(bytes) || bytes < 0)
    if (odd !== undefined) throw changed(`${file}:${line}`, `${odd} is no number of bytes`)
  }
  for (let round = 1; round <= rounds; round++) {
    const missing = drawnOwners(config, owners, round).find((owner) => !there.get(localSeries(owner))!.has(round))
    if (missing !== undefined) throw changed(file, `round ${round} of owner ${missing} is missing`)
  }
}

/**
 * What the noise of a run has cost is there once for each round, and is never less than before, nor more than the budget.
 * @throws FedunifyError (data) naming the line, or the round that is missing
 */
export function assertSpent(
  dir: string,
  rounds: number,
  { config, noise }: Manifest,
  rows: readonly Lined<PrivacyRow>[] | undefined,
): void {
  const file = join(dir, privacyTable.file)
  if (!rows) {
    if (config.privacy?.level === undefined) return
    throw changed(file, 'it is missing')
  }
  let before = 0
  for (const [i, { round, epsilon = Number.POSITIVE_INFINITY, line }] of rows.entries()) {
    if (round !== i + 1 || round > rounds) throw changed(`${file}:${line}`, `round ${round} is not the next of the run`)
    if (epsilon < before) throw changed(`${file}:${line}`, `epsilon ${epsilon} is less than that of the round before`)
    const limit = noise?.epsilon ?? Number.POSITIVE_INFINITY
    if (epsilon > limit) throw changed(`${file}:${line}`, `epsilon ${epsilon} is more than the budget of ${limit}`)
    before = epsilon
  }
  if (rows.length < rounds) throw changed(file, `round ${rows.length + 1} is missing`)
}

const changed = (file: string, why: string) =>
  new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, 'restore the file, or do the run again')
