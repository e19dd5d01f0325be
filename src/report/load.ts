import { access, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import fastGlob from 'fast-glob'
import { decisive } from '../config/hash.ts'
import { FedunifyError } from '../errors.ts'
import { type Manifest, readManifest } from '../results/manifest.ts'
import { readTables, type Tables } from '../results/read.ts'
import { readEvents, type SavedEvents } from '../results/read-events.ts'
import { TABLES } from '../results/rows.ts'

/** All that a run folder tells. */
export interface RunRecord {
  readonly path: string
  readonly manifest: Manifest
  /** Empty where an unfinished run has not written them yet. */
  readonly tables: Tables
  /** Undefined where the folder holds no events.jsonl. */
  readonly events: SavedEvents | undefined
}

/** Runs that differ in nothing but their seed. */
export interface RunGroup {
  /** What tells it apart from the other groups, such as «env H, lr 0.05»; empty for a group alone. */
  readonly label: string
  /** In the order of their seeds. */
  readonly runs: readonly RunRecord[]
}

/**
 * The run folders that the folders given are or hold, each once.
 * @throws FedunifyError (data) for a folder that is none and holds none
 */
export async function findRuns(dirs: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const dir of dirs) {
    const info = await stat(dir).catch(() => undefined)
    if (!info?.isDirectory()) {
      const problem = info ? 'is a file, not a folder' : 'no such folder'
      throw new FedunifyError('data', `${dir}: ${problem}`, 'name a run folder, as `fedunify run` prints it')
    }
    // A run; else a batch, whose runs lie in it; else a results folder, with batches in it.
    const patterns = ['manifest.json', '*/manifest.json', '*/*/manifest.json']
    let files: string[] = []
    for (const pattern of patterns) {
      files = await fastGlob(pattern, { cwd: dir })
      if (files.length > 0) break
    }
    if (files.length === 0) {
      const hint = 'name a run folder (it has a manifest.json) or the folder of a batch, such as results/table4'
      throw new FedunifyError('data', `${dir}: no run in it`, hint)
    }
    found.push(...files.sort().map((file) => join(dir, file, '..')))
  }
  return found.filter((path, i) => found.findIndex((other) => relative(other, path) === '') === i)
}

/** @throws FedunifyError (data) where a file of the run is missing, torn or foreign, naming it */
export async function loadRun(path: string): Promise<RunRecord> {
  const manifest = await readManifest(path)
  const begun = manifest.status === 'finished' || (await anyTable(path))
  const tables = begun ? await readTables(path) : { local: [], unified: [], table: [] }
  return { path, manifest, tables, events: await readEvents(path) }
}

async function anyTable(path: string): Promise<boolean> {
  const there = await Promise.all(
    TABLES.map(({ file }) =>
      access(join(path, file)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return there.includes(true)
}

/** Groups runs by everything that decides their numbers but the seed, in the order in which they were given. */
export function groupRuns(runs: readonly RunRecord[]): RunGroup[] {
  const groups = new Map<string, RunRecord[]>()
  for (const run of runs) {
    const key = JSON.stringify([run.manifest.config.name, Object.entries(facts(run))])
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  const lists = [...groups.values()]
  const keys = differing(lists.map(([first]) => ({ name: first!.manifest.config.name, ...facts(first!) })))
  return lists.map((list) => ({
    label: keys.map((key) => say(key, { name: list[0]!.manifest.config.name, ...facts(list[0]!) }[key])).join(', '),
    runs: list.toSorted((a, b) => a.manifest.config.seed - b.manifest.config.seed),
  }))
}

function facts({ manifest }: RunRecord): Record<string, unknown> {
  const { seed: _, ...rest } = decisive(manifest.config)
  return rest
}

function differing(all: readonly Record<string, unknown>[]): string[] {
  const keys = [...new Set(all.flatMap((one) => Object.keys(one)))]
  return keys.filter((key) => new Set(all.map((one) => JSON.stringify(one[key]))).size > 1)
}

function say(key: string, value: unknown): string {
  if (key === 'name') return String(value)
  if (value === undefined) return `no ${key}`
  return `${key} ${Array.isArray(value) && value.every((v) => typeof v !== 'object') ? value.join('+') : typeof value === 'object' ? JSON.stringify(value) : value}`
}
