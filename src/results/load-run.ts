import { join } from 'node:path'
import { z } from 'zod'
import { FedunifyError } from '../errors.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { type LocalRow, readTables, type Tables, type UnifiedRow } from './read.ts'
import { localTable, unifiedTable } from './rows.ts'
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
  readonly local: readonly Lined<LocalRow>[]
  readonly unified: readonly Lined<UnifiedRow>[]
}

/**
 * Reads a run folder and makes sure that its files are whole and belong together.
 * @throws FedunifyError (data) where one is missing, foreign, torn or edited
 */
export async function loadRun(path: string): Promise<LoadedRun> {
  const manifest = await readManifest(path)
  assertManifest(manifest, join(path, 'manifest.json'))
  const finished = manifest.status === 'finished'
  const touched = await assertUntouched(path, finished)
  // A run that was stopped before its first round has no tables yet.
  const tables = touched === 'none' && !finished ? EMPTY : await readTables(path)
  const local = lined(tables.local)
  const unified = lined(tables.unified)
  const rounds = finished ? manifest.rounds : completeRounds(manifest, unified, local)
  if (!finished) {
    // What a run was about to add when it stopped is not a result.
    const done = <Row extends { round: number }>(rows: readonly Row[]) => rows.filter(({ round }) => round <= rounds)
    return { path, manifest, finished, rounds, local: done(local), unified: done(unified) }
  }
  assertComplete(path, manifest, unified, local)
  assertConsistent(path, tables)
  return { path, manifest, finished, rounds, local, unified }
}

const EMPTY: Tables = { local: [], unified: [], table: [] }

const lined = <Row>(rows: readonly Row[]): Lined<Row>[] => rows.map((row, i) => ({ ...row, line: i + 2 }))

/** The series that unified.csv has in every round. */
const seriesOf = ({ config }: Manifest): string[] =>
  config.baseline === 'pooled' ? [...config.merge, 'pooled'] : [...config.merge]

function completeRounds(manifest: Manifest, unified: readonly UnifiedRow[], local: readonly LocalRow[]): number {
  const has = (round: number) =>
    seriesOf(manifest).every((name) => unified.some((row) => row.round === round && row.merge === name)) &&
    manifest.shards.every(({ owner }) => local.some((row) => row.round === round && row.owner === owner))
  let rounds = 0
  while (has(rounds + 1)) rounds++
  return rounds
}

/** A finished run has each series once in every round, and no other. */
function assertComplete(
  path: string,
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
      if (!Number.isInteger(round) || round < 1 || round > manifest.rounds) {
        throw edited(`${where}: round ${round} of a run of ${manifest.rounds} rounds`)
      }
      seen.add(`${round} ${name}`)
    }
    for (let round = 1; round <= manifest.rounds; round++) {
      const names = file === unifiedTable.file ? seriesOf(manifest) : []
      const lacks = names.find((name) => !seen.has(`${round} ${name}`))
      if (lacks) throw edited(`${join(path, file)}: round ${round} of ${lacks} is missing`)
    }
  }
}

const edited = (message: string) => new FedunifyError('data', message, 'the file was edited or cut short')

const ManifestShape = z.object({
  status: z.enum(['running', 'finished', 'interrupted', 'failed']),
  rounds: z.int().min(0),
  config: z.object({
    env: z.string(),
    seed: z.number(),
    merge: z.array(z.string()).min(1),
    rounds: z.int().min(1),
    baseline: z.string().optional(),
  }),
  shards: z.array(z.object({ owner: z.int(), train_labels: z.array(z.number()), test_labels: z.array(z.number()) })),
})

function assertManifest(manifest: unknown, file: string): void {
  const parsed = ManifestShape.safeParse(manifest)
  if (parsed.success) return
  const [{ path, message } = { path: [], message: '' }] = parsed.error.issues
  throw new FedunifyError('data', `${file}: ${path.join('.')}: ${message}`, 'it was edited, or is of another version')
}
