import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import { configHash } from '../../src/config/hash.ts'
import type { Experiment } from '../../src/config/schema.ts'
import { encodeCheckpoint, NOTHING_DONE } from '../../src/runs/checkpoint.ts'

/** A run to be written as a folder; every accuracy is a fraction. */
export interface FakeRun {
  readonly env?: string
  readonly seed?: number
  readonly status?: 'running' | 'finished' | 'interrupted' | 'failed'
  readonly reason?: string
  /** Rounds that were asked for; default: those that there are. */
  readonly rounds?: number
  /** By series, one accuracy for each round. */
  readonly unified?: Readonly<Record<string, readonly number[]>>
  /** By owner, one accuracy for each round. */
  readonly local?: readonly (readonly number[])[]
  readonly expect?: unknown
  readonly config?: Readonly<Record<string, unknown>>
  /** With a checkpoint, which knows the tables' hashes. */
  readonly checkpoint?: boolean
}

export const TRAIN_LABELS = [5, 5, 0]
export const TEST_LABELS = [1, 1, 0]

/** Writes a run folder as a run leaves it, and returns its path. */
export function writeRun(path: string, run: FakeRun = {}): string {
  const { env = 'H', seed = 0, status = 'finished', expect, config = {}, checkpoint = false } = run
  const unified = run.unified ?? { avg: [0.5, 0.75, 0.7] }
  const local = run.local ?? [
    [0.9, 0.91, 0.92],
    [0.95, 0.96, 0.97],
  ]
  const done = local[0]!.length
  const names = Object.keys(unified)
  const tables = {
    'local.csv': [
      ['round', 'owner', 'epochs', 'train_images', 'train_loss', 'local_accuracy', 'copied_accuracy'],
      ...range(done).flatMap((i) => local.map((own, o) => [i + 1, o + 1, 1, 10, 0.5, own[i]!, 0.5])),
    ],
    'unified.csv': [
      ['round', 'merge', 'owners', 'accuracy', 'loss'],
      ...range(done).flatMap((i) => names.map((name) => [i + 1, name, local.length, unified[name]![i]!, 0.5])),
    ],
    'table.csv': [
      ['epoch', ...local.map((_, o) => `local_${o + 1}`), ...names],
      ...range(done).map((i) => [
        i + 1,
        ...[...local, ...Object.values(unified)].map((series) => (100 * series[i]!).toFixed(2)),
      ]),
    ],
  }
  mkdirSync(path, { recursive: true })
  for (const [file, rows] of Object.entries(tables)) writeFileSync(join(path, file), stringify(rows))
  const pooled = names.includes('pooled')
  const manifest = {
    status,
    rounds: done,
    reason: run.reason,
    config: {
      name: 'fake',
      env,
      seed,
      merge: names.filter((name) => name !== 'pooled'),
      rounds: run.rounds ?? done,
      baseline: pooled ? 'pooled' : 'none',
      ...(expect === undefined ? {} : { expect }),
      ...config,
    },
    config_hash: '',
    fedunify: '0.0.0',
    started: '2021-12-31T10:00:00.000Z',
    git: null,
    dataset: { name: 'idx', source: 'data', images: 12, sha256: {} },
    shards: local.map((_, o) => {
      return { owner: o + 1, train: 10, test: 2, train_labels: TRAIN_LABELS, test_labels: TEST_LABELS }
    }),
    model: { parameters: 1, layers: [] },
    engine: { name: 'onnx', device: 'cpu', version: '1' },
    machine: { platform: 'linux-x64', cores: 2, memory_gib: 4, node: '20.0.0' },
  }
  manifest.config_hash = configHash(manifest.config as unknown as Experiment)
  writeFileSync(join(path, 'manifest.json'), JSON.stringify(manifest, null, 2))
  if (checkpoint) writeFileSync(join(path, 'checkpoint.safetensors'), encodeCheckpoint(savedState(path, tables, done)))
  return path
}

function savedState(path: string, tables: object, round: number) {
  const mark = (file: string) => {
    const content = readFileSync(join(path, file))
    return { size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
  }
  const files = Object.fromEntries(Object.keys(tables).map((file) => [file, mark(file)]))
  const seconds = { total: 1, train: 1, merge: 0, evaluate: 0, write: 0 }
  return { ...NOTHING_DONE, round, files, seconds }
}

/** Replaces text in a file of a run folder. */
export function edit(file: string, from: string | RegExp, to: string): void {
  const before = readFileSync(file, 'utf8')
  const after = before.replace(from, to)
  if (after === before) throw new Error(`${file}: nothing to replace`)
  writeFileSync(file, after)
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i)
