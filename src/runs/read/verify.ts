import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { percent } from '../../format.ts'
import type { SavedState } from '../checkpoint.ts'
import { type Manifest, withoutMetrics } from '../run-description.ts'
import { localSeries, POOLED_SERIES } from '../series-name.ts'
import { DISCLOSURE, EVENTS, localTable, MODELS, paperTable, TABLES, trafficTable, unifiedTable } from '../tables.ts'
import { markOf } from '../write/growing-file.ts'
import type { LocalRow, Tables, TrafficRow, UnifiedRow } from './read-tables.ts'
import type { Lined } from './series.ts'

/**
 * Compares the tables and events of a run folder with the hashes that its checkpoint holds of them, and once it is
 * finished its manifest, which knows its models too. Runs of before 0.4.0 that were published without their checkpoint have none.
 * @returns those of the run's tables and events that are there
 * @throws FedunifyError (data) naming the file that was changed
 */
export async function assertUntouched(
  dir: string,
  { status, files: last }: Manifest,
  saved: SavedState | undefined,
): Promise<ReadonlySet<string>> {
  const finished = status === 'finished'
  // Before its first round, and in the first versions, a run has marked none of its files; then they are told by name.
  const marksAll = Object.keys((finished ? last : undefined) ?? saved?.files ?? {}).length > 0
  const there = new Set<string>()
  for (const name of [...TABLES.map(({ file }) => file), DISCLOSURE, EVENTS]) {
    const file = join(dir, name)
    const mark = (finished ? last?.[name] : undefined) ?? saved?.files[name]
    // A file beside marked ones is not the run's: those of before 0.5.0 have no traffic.csv, whatever goes by its name.
    if (!mark && marksAll) continue
    const now = await markOf(file, mark?.size ?? 0)
    if (now) there.add(name)
    if (!mark) continue
    if (!now) throw changed(file, 'it is missing')
    if (now.size < mark.size) throw changed(file, 'it is shorter than the run left it')
    if (now.sha256 !== mark.sha256) throw changed(file, 'it was edited')
    // The event that ends a run comes behind its last checkpoint.
    const exact = finished && (name !== EVENTS || last !== undefined)
    if (exact && now.size > mark.size) throw changed(file, 'it is longer than the run left it')
  }
  for (const name of finished && last ? MODELS : []) {
    const [mark, now] = [last![name], await markOf(join(dir, name))]
    // A published run may lack its models.
    if (mark && now && now.sha256 !== mark.sha256) throw changed(join(dir, name), 'it is not what the run left')
  }
  return there
}

/**
 * Compares the numbers of table.csv with those of the other two: all three are written from the same counts.
 * @throws FedunifyError (data) naming the cell
 */
export function assertConsistent(dir: string, { local, unified, table: [head = [], ...rows] }: Tables): void {
  const accuracies = new Map<string, number | undefined>()
  for (const { round, owner, local_accuracy } of local) accuracies.set(`${round} ${localSeries(owner)}`, local_accuracy)
  for (const { round, merge, accuracy } of unified) accuracies.set(`${round} ${merge}`, accuracy)
  for (const [key, accuracy] of accuracies) {
    if (accuracy === undefined || (accuracy >= 0 && accuracy <= 1)) continue
    throw changed(dir, `the accuracy of round ${key.replace(' ', ', ')} is ${accuracy}, not a fraction`)
  }
  for (const [i, [round, ...cells]] of rows.entries()) {
    for (const [j, cell] of cells.entries()) {
      const key = `${round} ${head[j + 1]}`
      const accuracy = accuracies.get(key)
      accuracies.delete(key)
      const same = accuracy === undefined ? cell === '' : cell === percent(accuracy)
      if (same) continue
      const other = accuracy === undefined ? 'nothing' : percent(accuracy)
      const where = `${join(dir, paperTable.file)}:${i + 2}`
      throw changed(where, `${head[j + 1]} is ${cell}, where the other tables say ${other}`)
    }
  }
  const [missing] = accuracies.keys()
  if (missing) throw changed(join(dir, paperTable.file), `round ${missing.replace(' ', ', ')} is missing`)
}

/**
 * Cells are empty where an owner keeps its metrics to itself, and nowhere else.
 * @throws FedunifyError (data) naming the line
 */
export function assertTold(
  dir: string,
  { shards }: Manifest,
  local: readonly Lined<LocalRow>[],
  unified: readonly Lined<UnifiedRow>[],
): void {
  const silent = new Set(withoutMetrics(shards))
  const fault = (file: string, line: number, empty: boolean) =>
    changed(`${join(dir, file)}:${line}`, empty ? 'a figure is missing' : 'it has a figure that no owner has told')
  for (const { owner, train_loss, local_accuracy, copied_accuracy, line } of local) {
    const told =
      Number(train_loss !== undefined) + Number(local_accuracy !== undefined) + Number(copied_accuracy !== undefined)
    const should = silent.has(owner) ? 0 : 3
    if (told !== should) throw fault(localTable.file, line, told < should)
  }
  for (const { merge, accuracy, loss, line } of unified) {
    const empty = accuracy === undefined
    // The others may all have been absent, where that was allowed.
    const fits = empty ? silent.size > 0 && merge !== POOLED_SERIES : silent.size < shards.length
    if (!fits || empty !== (loss === undefined)) throw fault(unifiedTable.file, line, empty || loss === undefined)
  }
}

/**
 * Every owner's traffic is there once for each round, and in bytes.
 * @throws FedunifyError (data) naming the line, or the row that is missing
 */
export function assertTraffic(
  dir: string,
  rounds: number,
  { shards }: Manifest,
  rows: readonly Lined<TrafficRow>[],
): void {
  const file = join(dir, trafficTable.file)
  const missing = new Set<string>()
  for (let round = 1; round <= rounds; round++) {
    for (const { owner } of shards) missing.add(`round ${round} of owner ${owner}`)
  }
  for (const { round, owner, down_bytes, up_bytes, line } of rows) {
    const what = `round ${round} of owner ${owner}`
    if (!missing.delete(what)) throw changed(`${file}:${line}`, `${what} stands there twice, or is none of the run's`)
    const odd = [down_bytes, up_bytes].find((bytes) => !Number.isSafeInteger(bytes) || bytes < 0)
    if (odd !== undefined) throw changed(`${file}:${line}`, `${odd} is no number of bytes`)
  }
  const [first] = missing
  if (first) throw changed(file, `${first} is missing`)
}

const changed = (file: string, why: string) =>
  new FedunifyError('E_RUN_DAMAGED', `${file}: ${why}`, 'restore the file, or do the run again')
