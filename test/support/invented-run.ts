import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import type { Experiment } from '../../src/config/schema.ts'
import { CLASS_NAMES } from '../../src/data/fashion-mnist/known-files.ts'
import type { Evaluation } from '../../src/engine/engine.ts'
import type { OwnerTrained, RoundFinished, Started } from '../../src/federation/events.ts'
import { POOLED } from '../../src/federation/events.ts'
import { isEvaluated } from '../../src/federation/schedule.ts'
import { nameOf } from '../../src/parts.ts'
import { manifestText } from '../../src/runs/manifest-text.ts'
import { plainEvent } from '../../src/runs/plain-event.ts'
import { labelsHash, type Manifest, type Status } from '../../src/runs/run-description.ts'
import { tablesOf } from '../../src/runs/tables.ts'

export interface FakeRun {
  readonly config?: Record<string, unknown>
  /** Rounds that are done; as many as the config has where not given. */
  readonly done?: number
  readonly status?: Status
  readonly reason?: string
}

/** A run folder as a run leaves it, with invented numbers, written by the code that writes the real ones. */
export function writeRun(path: string, { config = {}, done, status = 'finished', reason }: FakeRun = {}): Experiment {
  const experiment = resolveExperiment(
    [{ kind: 'file', values: { name: 'fake', ...config }, where: () => 'test' }],
    'test',
  )
  const rounds = done ?? experiment.rounds
  const owners = Array.from({ length: experiment.owners }, (_, i) => i + 1)
  const baseline = experiment.baseline === 'pooled'
  const started: Started = { type: 'started', owners, rounds, done: 0, merges: experiment.merge.map(nameOf), baseline }
  const events = Array.from({ length: rounds }, (_, i) => fakeRound(experiment, owners, i + 1))
  mkdirSync(path, { recursive: true })
  for (const table of tablesOf(experiment)) {
    const lines = [table.columns(started), ...events.flatMap((event) => table.rows(event, started))]
    writeFileSync(join(path, table.file), stringify(lines))
  }
  const lines = [started, ...events.flatMap((event) => [...event.locals, event])].map((event) => plainEvent(event))
  writeFileSync(join(path, 'events.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const outcome = { status, rounds, ...(reason !== undefined && { reason }) }
  writeFileSync(join(path, 'manifest.json'), manifestText({ ...outcome, ...fakeDescription(experiment, owners) }))
  return experiment
}

const CLASSES = 10
const PER_CLASS = 40

/** In H-like fashion an owner holds half of the classes. */
const holds = (owner: number, label: number) => label < 5 === (owner % 2 === 1)

function fakeRound(experiment: Experiment, owners: readonly number[], round: number): RoundFinished {
  const { merge, seed, baseline } = experiment
  const scored = (skill: number, has: (label: number) => boolean) =>
    isEvaluated(experiment, round) ? fakeEvaluation(skill, has) : undefined
  const learnt = 1 - 0.6 / round
  const trained = (owner: number, skill: number): OwnerTrained => ({
    type: 'owner-trained',
    round,
    owner,
    epochs: 1,
    images: 1000,
    trainImages: 1000,
    loss: 1 / round,
    local: scored(skill, (label) => (owner === POOLED ? true : holds(owner, label))),
    copied: owner === POOLED ? undefined : scored(skill * 0.7, (label) => holds(owner, label)),
    seconds: 1,
  })
  const skillOf = (name: string) => learnt * (name === 'max' ? 0.5 : 0.8) + 0.01 * seed
  return {
    type: 'round-finished',
    round,
    lr: 0.1,
    locals: owners.map((owner) => trained(owner, learnt * (0.9 + 0.02 * (owner % 5)))),
    merges: merge
      .map(nameOf)
      .map((name) => ({ merge: name, unified: scored(skillOf(name), () => true), evaluatedBy: owners.length })),
    weights: new Map(),
    absent: [],
    serverState: {},
    ownerStates: new Map(),
    drift: { 'conv1.weight': 0.05 * round, 'dense1.bias': 1.5 / round },
    traffic: owners.map((owner) => ({ owner, down: round === 1 ? 3_000_000 : 2_000_000, up: 1_000_000 })),
    disclosed: [],
    ...fakeSpent(experiment, round),
    baseline: baseline === 'pooled' ? { ...trained(POOLED, learnt * 0.95), weights: new Map() } : undefined,
    seconds: { train: 2, merge: 0.1, evaluate: 0.3 },
  }
}

/** A budget is spent round by round. */
function fakeSpent({ privacy, rounds }: Experiment, round: number): Pick<RoundFinished, 'privacy'> {
  if (privacy?.level === undefined) return {}
  const { level, noise = 2, epsilon } = privacy
  const spent = epsilon === undefined ? undefined : (epsilon * round) / rounds
  return { privacy: { level, noise, clip: 1, epsilon: spent, delta: 1e-5 } }
}

/** A model that recognises a part of each class and takes the others for the next class. */
function fakeEvaluation(skill: number, has: (label: number) => boolean): Evaluation {
  const confusion = new Uint32Array(CLASSES * CLASSES)
  let correct = 0
  let images = 0
  for (let label = 0; label < CLASSES; label++) {
    if (!has(label)) continue
    const right = Math.min(PER_CLASS, Math.round(PER_CLASS * Math.min(1, skill) * (1 - label / 40)))
    confusion[label * CLASSES + label] = right
    confusion[label * CLASSES + ((label + 1) % CLASSES)] = PER_CLASS - right
    correct += right
    images += PER_CLASS
  }
  return { images, correct, lossSum: images * (1.1 - skill), confusion }
}

function fakeDescription(config: Experiment, owners: readonly number[]): Omit<Manifest, 'status' | 'rounds'> {
  const labels = (owner: number, each: number) =>
    Array.from({ length: CLASSES }, (_, label) => (holds(owner, label) ? each : 0))
  return {
    format: 2,
    fedunify: '0.0.0',
    started: '2021-12-31T10:00:00.000Z',
    seconds: { total: 90, train: 80, merge: 1, evaluate: 5, write: 2 },
    config,
    config_hash: configHash(config),
    git: { commit: '0123456789abcdef', dirty: false },
    dataset: {
      name: config.dataset,
      source: 'data',
      images: 70_000,
      shape: [1, 28, 28],
      elements: 'uint8',
      class_names: config.dataset === 'idx' ? [...'0123456789'] : CLASS_NAMES,
      sha256: { 'train-images-idx3-ubyte': 'c0ffee' },
    },
    shards: owners.map((owner) => ({
      owner,
      // Two owners have all images of Fashion-MNIST.
      train: 30_000,
      test: 5000,
      train_labels: labels(owner, 6000),
      test_labels: labels(owner, 1000),
      labels_sha256: labelsHash(labels(owner, 6000), labels(owner, 1000)),
      sha256: 'beef',
    })),
    model: { parameters: 1234, layers: [] },
    engine: { name: 'onnx', device: 'cpu', version: '1' },
    machine: { platform: 'linux-x64', cpu: 'a processor', cores: 2, memory_gib: 4, node: '20.0.0' },
  }
}
