import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { drawnOwners } from '../../federation/drawn-owners.ts'
import { lastRound } from '../../federation/schedule.ts'
import { nameOf } from '../../parts.ts'
import { readOwnCheckpoint, type SavedState } from '../checkpoint.ts'
import { keptFile } from '../kept-files.ts'
import { readManifest } from '../manifest.ts'
import type { Manifest } from '../run-description.ts'
import { localSeries, modelName, POOLED_SERIES } from '../series-name.ts'
import { localTable, TABLES, unifiedTable } from '../tables.ts'
import {
  type Lined,
  type LocalRow,
  type PrivacyRow,
  readTables,
  type Tables,
  type TrafficRow,
  type UnifiedRow,
} from './read-tables.ts'
import { addRound, type RoundsOf, type SeriesPoints, seriesOf } from './series.ts'
import { assertConsistent, assertSpent, assertTold, assertTraffic, assertUntouched, uncovered } from './verify.ts'

/** A run as it is in its folder, checked. */
export interface LoadedRun {
  readonly path: string
  readonly manifest: Manifest
  /** Whether it came to its end; else its tables hold what there is so far. */
  readonly finished: boolean
  /** Complete rounds. */
  readonly rounds: number
  /** As they are in the folder; what follows holds the complete rounds alone. */
  readonly tables: Tables
  readonly local: readonly Lined<LocalRow>[]
  readonly unified: readonly Lined<UnifiedRow>[]
  /** Undefined if the run has none, as those of before 0.5.0. */
  readonly traffic: readonly Lined<TrafficRow>[] | undefined
  /** What its noise has cost, by round; undefined if it adds none. */
  readonly privacy: readonly Lined<PrivacyRow>[] | undefined
  /** Bytes that count of its files, from their start, if not all do: a killed run may have begun a round. */
  readonly sizes: Readonly<Record<string, number>>
  /** Their accuracies. */
  readonly series: SeriesPoints
  /** What its hashes do not cover, as in runs of earlier versions. */
  readonly note: string | undefined
}

/**
 * Reads a run folder and makes sure that its files are whole and belong together. Whoever prints a figure of a run reads
 * it here.
 * @throws FedunifyError (data) if one is missing, foreign, torn or edited
 */
export async function loadRun(path: string): Promise<LoadedRun> {
  const manifest = await readManifest(path)
  // Before the tables: a run that goes on meanwhile only makes them longer.
  const saved = await readOwnCheckpoint(path, manifest)
  // No figure comes of kept weights, which may be as large as the disk: those who read them compare them.
  const there = await assertUntouched(path, manifest, saved, (file) => keptFile(file) !== undefined)
  return await loadTables(path, manifest, saved, there)
}

/**
 * Reads the tables of a run folder whose files are as the run left them, and makes sure that they belong together.
 * @param there those of its tables and events that are there
 * @throws FedunifyError (data) if one is foreign, torn or edited
 */
export async function loadTables(
  path: string,
  manifest: Manifest,
  saved: SavedState | undefined,
  there: ReadonlySet<string>,
): Promise<LoadedRun> {
  // A run that was killed between its last round and its last word is complete.
  const finished = manifest.status === 'finished' || saved?.round === lastRound(manifest.config)
  const sizes = finished ? {} : sizesOf(saved)
  // A run that was stopped before its first round has no tables yet.
  const begun = finished || TABLES.some(({ file }) => there.has(file))
  const tables = begun ? await readTables(path, there, sizes) : EMPTY
  const { local, unified, traffic, privacy } = tables
  assertTold(path, manifest, local, unified)
  const rounds = roundsOf(path, manifest, saved, unified, local)
  const note = uncovered(manifest, saved)
  if (!finished) {
    // What a run was about to add when it stopped is not a result.
    const done = <Row extends { round: number }>(rows: readonly Row[]) => rows.filter(({ round }) => round <= rounds)
    const rows = {
      local: done(local),
      unified: done(unified),
      traffic: traffic && done(traffic),
      privacy: privacy && done(privacy),
    }
    const series = seriesOf(rows.local, rows.unified)
    return { path, manifest, finished, rounds, tables, sizes, ...rows, series, note }
  }
  assertComplete(path, rounds, manifest, unified, local)
  assertConsistent(path, tables)
  if (traffic) assertTraffic(path, rounds, manifest, traffic)
  assertSpent(path, rounds, manifest, privacy)
  const rows = { local, unified, traffic, privacy }
  return { path, manifest, finished, rounds, tables, sizes, ...rows, series: seriesOf(local, unified), note }
}

const sizesOf = (saved: SavedState | undefined): Record<string, number> =>
  Object.fromEntries(Object.entries(saved?.files ?? {}).map(([file, { size }]) => [file, size]))

const EMPTY: Tables = { local: [], unified: [], table: [], traffic: undefined, privacy: undefined }

/** The series that unified.csv has in every round. */
export const unifiedSeries = ({ config }: Manifest): string[] => [
  ...config.merge.map(nameOf),
  ...(config.head ? [nameOf(config.head)] : []),
  ...(config.baseline === 'pooled' ? [POOLED_SERIES] : []),
]

/** Complete rounds: those of the checkpoint, or those in the tables if there is none, as in a published run. */
function roundsOf(
  path: string,
  manifest: Manifest,
  saved: SavedState | undefined,
  unified: readonly UnifiedRow[],
  local: readonly LocalRow[],
): number {
  if (manifest.status === 'finished') return manifest.rounds
  const complete = completeRounds(manifest, unified, local)
  const counted = saved?.round ?? manifest.rounds
  if (complete < counted) {
    throw edited(
      `${join(path, unifiedTable.file)}: only ${complete} rounds are complete, but the run had finished ${counted}`,
    )
  }
  return saved?.round ?? complete
}

function completeRounds(manifest: Manifest, unified: readonly UnifiedRow[], local: readonly LocalRow[]): number {
  const there: RoundsOf = new Map()
  for (const { round, merge } of unified) addRound(there, merge, round)
  for (const { round, owner } of local) addRound(there, localSeries(owner), round)
  // Of owners that may be absent, no row is missed.
  const { config, min_owners, shards } = manifest
  const owners = config.pace || min_owners !== undefined ? [] : shards.map(({ owner }) => owner)
  const names = (round: number) => [...unifiedSeries(manifest), ...drawnOwners(config, owners, round).map(localSeries)]
  let rounds = 0
  while (names(rounds + 1).every((name) => there.get(name)?.has(rounds + 1))) rounds++
  return rounds
}

/** A finished run has each series once in every round, and no other. */
function assertComplete(
  path: string,
  rounds: number,
  manifest: Manifest,
  unified: readonly Lined<UnifiedRow>[],
  local: readonly Lined<LocalRow>[],
): void {
  const [inUnified, inLocal]: RoundsOf[] = [new Map(), new Map()]
  const add = (there: RoundsOf, file: string, name: string, { round, line }: { round: number; line: number }) => {
    const where = `${join(path, file)}:${line}`
    if (!addRound(there, name, round)) throw edited(`${where}: round ${round} of ${modelName(name)} is there twice`)
    if (!Number.isInteger(round) || round < 1 || round > rounds) {
      throw edited(`${where}: round ${round} of a run of ${rounds} rounds`)
    }
  }
  for (const row of unified) add(inUnified!, unifiedTable.file, row.merge, row)
  for (const row of local) add(inLocal!, localTable.file, localSeries(row.owner), row)
  for (let round = 1; round <= rounds; round++) {
    const missing = unifiedSeries(manifest).find((name) => !inUnified!.get(name)?.has(round))
    if (missing) throw edited(`${join(path, unifiedTable.file)}: round ${round} of ${missing} is missing`)
  }
}

const edited = (message: string) => new FedunifyError('E_RUN_DAMAGED', message, 'the file was edited or cut short')
