import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { nameOf } from '../../parts.ts'
import { readCheckpoint, type SavedState, sealingOf } from '../checkpoint.ts'
import { type Manifest, readManifest } from '../manifest.ts'
import { localTable, unifiedTable } from '../tables.ts'
import { type LocalRow, readTables, type Tables, type UnifiedRow } from './read-tables.ts'
import { assertConsistent, assertUntouched } from './verify.ts'

/** A row with its line in the file. */
export type Lined<Row> = Row & { readonly line: number }

/** A run as its folder tells it, checked. */
export interface LoadedRun {
  readonly path: string
  readonly manifest: Manifest
  /** Whether it came to its end; else its tables hold what there is so far. */
  readonly finished: boolean
  /** Complete rounds. */
  readonly rounds: number
  /** As they stand in the folder. */
  readonly tables: Tables
  readonly local: readonly Lined<LocalRow>[]
  readonly unified: readonly Lined<UnifiedRow>[]
}

/**
 * Reads a run folder and makes sure that its files are whole and belong together. Whoever prints a figure of a run reads
 * it here.
 * @throws FedunifyError (data) where one is missing, foreign, torn or edited
 */
export async function loadRun(path: string): Promise<LoadedRun> {
  const manifest = await readManifest(path)
  // Before the tables: a run that goes on meanwhile only makes them longer.
  const saved = await readCheckpoint(path, sealingOf(manifest))
  // A run that was killed between its last round and its last word is complete.
  const finished = manifest.status === 'finished' || saved?.round === manifest.config.rounds
  const touched = await assertUntouched(path, manifest, saved)
  // A run that was stopped before its first round has no tables yet.
  const tables = touched === 'none' && !finished ? EMPTY : await readTables(path)
  const local = lined(tables.local)
  const unified = lined(tables.unified)
  const rounds = roundsOf(path, manifest, saved, unified, local)
  if (!finished) {
    // What a run was about to add when it stopped is not a result.
    const done = <Row extends { round: number }>(rows: readonly Row[]) => rows.filter(({ round }) => round <= rounds)
    return { path, manifest, finished, rounds, tables, local: done(local), unified: done(unified) }
  }
  assertComplete(path, rounds, manifest, unified, local)
  assertConsistent(path, tables)
  return { path, manifest, finished, rounds, tables, local, unified }
}

const EMPTY: Tables = { local: [], unified: [], table: [] }

const lined = <Row>(rows: readonly Row[]): Lined<Row>[] => rows.map((row, i) => ({ ...row, line: i + 2 }))

/** The series that unified.csv has in every round. */
const seriesOf = ({ config }: Manifest): string[] => [
  ...config.merge.map(nameOf),
  ...(config.baseline === 'pooled' ? ['pooled'] : []),
]

/** Complete rounds: those of the checkpoint; where there is none, as of a published run, those in the tables. */
function roundsOf(
  path: string,
  manifest: Manifest,
  saved: SavedState | undefined,
  unified: readonly UnifiedRow[],
  local: readonly LocalRow[],
): number {
  if (manifest.status === 'finished') return manifest.rounds
  const complete = completeRounds(manifest, unified, local)
  const told = saved?.round ?? manifest.rounds
  if (complete < told) {
    throw edited(
      `${join(path, unifiedTable.file)}: only ${complete} rounds are complete, but the run had finished ${told}`,
    )
  }
  return saved?.round ?? complete
}

function completeRounds(manifest: Manifest, unified: readonly UnifiedRow[], local: readonly LocalRow[]): number {
  const there = new Set<string>()
  for (const { round, merge } of unified) there.add(`${round} ${merge}`)
  for (const { round, owner } of local) there.add(`${round} owner ${owner}`)
  const names = [...seriesOf(manifest), ...manifest.shards.map(({ owner }) => `owner ${owner}`)]
  let rounds = 0
  while (names.every((name) => there.has(`${rounds + 1} ${name}`))) rounds++
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
  const keyed = [
    { file: unifiedTable.file, rows: unified.map(({ round, merge, line }) => ({ round, name: merge, line })) },
    { file: localTable.file, rows: local.map(({ round, owner, line }) => ({ round, name: `owner ${owner}`, line })) },
  ]
  for (const { file, rows } of keyed) {
    const seen = new Set<string>()
    for (const { round, name, line } of rows) {
      const where = `${join(path, file)}:${line}`
      if (seen.has(`${round} ${name}`)) throw edited(`${where}: round ${round} of ${name} stands there twice`)
      if (!Number.isInteger(round) || round < 1 || round > rounds) {
        throw edited(`${where}: round ${round} of a run of ${rounds} rounds`)
      }
      seen.add(`${round} ${name}`)
    }
    for (let round = 1; round <= rounds; round++) {
      const names = file === unifiedTable.file ? seriesOf(manifest) : []
      const lacks = names.find((name) => !seen.has(`${round} ${name}`))
      if (lacks) throw edited(`${join(path, file)}: round ${round} of ${lacks} is missing`)
    }
  }
}

const edited = (message: string) => new FedunifyError('data', message, 'the file was edited or cut short')
