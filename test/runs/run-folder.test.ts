import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadExperiment } from '../../src/config/load.ts'
import { loadDataset } from '../../src/data/load-dataset.ts'
import { partitionDataset, shardHash } from '../../src/data/partition/partition.ts'
import { InferenceSession, Tensor } from '../../src/engine/onnx/session/ort.ts'
import { sizeOf } from '../../src/model/model.ts'
import { VERSION } from '../../src/package.ts'
import { EVENT_FORMAT } from '../../src/runs/plain-event.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/weights/safetensors.ts'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'
import { eventsOf, manifestOf, readText, rowsOf, tornFiles } from '../support/run-folder.ts'

const { folder, experiment } = workshop()
const run = join(folder, 'results', 'paper', 'one')
const FLAGS = ['--merge', 'avg,max,absmax', '--seed', '3', '--run-id', 'one', '--json', '--quiet']
const began = Date.now()
/** What the folder held as each event came. */
const seen: { type: string; round?: number; status: string; rows: number; torn: string[]; model: boolean }[] = []

beforeAll(async () => {
  const file = experiment('paper', {
    env: 'labels',
    labels: [
      [0, 1],
      [2, 3],
    ],
  })
  const args = ['run', file, ...FLAGS]
  const { code, err } = await fedunify(args, {
    out(text) {
      const { type, round } = JSON.parse(text)
      if (type === 'owner-progress') return
      const files = readdirSync(run)
      const rows = files.includes('unified.csv') ? rowsOf(run, 'unified.csv').length : 0
      const { status } = manifestOf(run)
      seen.push({ type, round, status, rows, torn: tornFiles(run), model: files.includes('model.onnx') })
    },
  })
  expect([code, err]).toEqual([0, ''])
})

const values = (file: string, ...columns: string[]) => rowsOf(run, file).map((row) => columns.map((c) => row[c]))

describe('while a run goes on', () => {
  it('its files are complete after every round', () => {
    const finished = seen.filter(({ type }) => type === 'round-finished')
    expect(finished.map(({ round, rows, model }) => [round, rows, model])).toEqual([
      [1, 3, true],
      [2, 6, true],
      [3, 9, true],
    ])
    expect(seen.flatMap(({ torn }) => torn)).toEqual([])
    expect(new Set(seen.map(({ status }) => status))).toEqual(new Set(['running']))
  })
})

describe('the CSVs of a run', () => {
  it('have the columns that they promise', () => {
    const heads = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv'].map(
      (file) => readText(run, file).split('\n')[0],
    )
    expect(heads).toEqual([
      'round,owner,epochs,train_images,train_loss,local_accuracy,copied_accuracy',
      'round,merge,owners,accuracy,loss',
      'epoch,local_1,local_2,avg,max,absmax',
      'round,owner,down_bytes,up_bytes',
    ])
  })

  it('have a row for each round and owner, round and merge, round', () => {
    const rounds = ['1', '2', '3']
    expect(values('local.csv', 'round', 'owner')).toEqual(
      rounds.flatMap((r) => [
        [r, '1'],
        [r, '2'],
      ]),
    )
    expect(values('traffic.csv', 'round', 'owner')).toEqual(values('local.csv', 'round', 'owner'))
    expect(values('unified.csv', 'round', 'merge', 'owners')).toEqual(
      rounds.flatMap((r) => ['avg', 'max', 'absmax'].map((merge) => [r, merge, '2'])),
    )
    expect(values('table.csv', 'epoch')).toEqual(rounds.map((r) => [r]))
  })

  it('say the same, as fractions and as percent with two decimals', () => {
    const percent = (fraction: string | undefined) => (100 * Number(fraction)).toFixed(2)
    const local = rowsOf(run, 'local.csv')
    const unified = rowsOf(run, 'unified.csv')
    for (const row of rowsOf(run, 'table.csv')) {
      const ofRound = (rows: typeof local) => rows.filter(({ round }) => round === row.epoch)
      expect([row.local_1, row.local_2]).toEqual(ofRound(local).map(({ local_accuracy }) => percent(local_accuracy)))
      expect([row.avg, row.max, row.absmax]).toEqual(ofRound(unified).map(({ accuracy }) => percent(accuracy)))
    }
    for (const { accuracy } of unified) expect(Number(accuracy)).toBeLessThanOrEqual(1)
  })

  it('copy the unified model of a round back: its accuracy comes again, split over the owners', () => {
    const tests = manifestOf(run).shards.map(({ test }: { test: number }) => test)
    const images = tests[0] + tests[1]
    for (const round of [1, 2]) {
      const unified = rowsOf(run, 'unified.csv').find((r) => r.round === String(round) && r.merge === 'avg')!
      const copied = rowsOf(run, 'local.csv').filter((r) => r.round === String(round + 1))
      const correct = copied.reduce((sum, r, i) => sum + Math.round(Number(r.copied_accuracy) * tests[i]), 0)
      expect(correct).toBe(Math.round(Number(unified.accuracy) * images))
    }
  })
})

describe('the manifest of a run', () => {
  it('says how it ended', () => {
    const { status, reason, rounds, started, finished, seconds } = manifestOf(run)
    expect({ status, reason, rounds }).toEqual({ status: 'finished', reason: 'rounds', rounds: 3 })
    expect(Date.parse(started)).toBeGreaterThanOrEqual(began - 1000)
    expect(Date.parse(finished)).toBeGreaterThanOrEqual(Date.parse(started))
    expect(Object.keys(seconds).sort()).toEqual(['evaluate', 'merge', 'total', 'train', 'write'])
    const { total, ...parts } = seconds
    expect(Object.values<number>(parts).every((part) => part > 0)).toBe(true)
    expect(total).toBeGreaterThan(parts.train)
  })

  it('says what was run, on what', () => {
    const manifest = manifestOf(run)
    expect(manifest.fedunify).toBe(VERSION)
    expect({ format: 1, ...manifest.config }).toEqual(parse(readText(run, 'config.yaml')))
    expect(manifest.model.layers.map(({ type }: { type: string }) => type)).toEqual(SMALL_MODEL.map(({ type }) => type))
    expect(manifest.model.parameters).toBe(4 * 9 + 4 + 4 * 36 * 4 + 4)
    expect(manifest.engine).toMatchObject({ name: 'onnx', device: 'cpu', version: expect.stringMatching(/\d+\.\d+/) })
    expect(manifest.machine).toMatchObject({
      platform: `${process.platform}-${process.arch}`,
      node: process.versions.node,
    })
    expect(manifest.machine.cores).toBeGreaterThan(0)
  })

  it('says which data each owner had', async () => {
    const { dataset, shards, config } = manifestOf(run)
    expect(dataset).toMatchObject({ name: 'idx', source: 'idx', images: 300, shape: [1, 12, 12] })
    expect([dataset.elements, dataset.class_names]).toEqual(['uint8', ['0', '1', '2', '3']])
    const file = readFileSync(join(folder, 'idx', 'train-labels-idx1-ubyte.gz'))
    const hash = createHash('sha256').update(gunzipSync(file)).digest('hex')
    expect(dataset.sha256['train-labels-idx1-ubyte']).toBe(hash)
    const split = await partitionDataset(await loadDataset({ dataset: 'idx', dir: join(folder, 'idx') }), config)
    expect(shards.map(({ sha256 }: { sha256: string }) => sha256)).toEqual(split.map(shardHash))
    for (const [i, shard] of shards.entries()) {
      const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0)
      expect(shard).toMatchObject({ owner: i + 1, train: sum(shard.train_labels), test: sum(shard.test_labels) })
      const labels = shard.train_labels.map((count: number, label: number) => (count > 0 ? label : -1))
      expect(labels.filter((label: number) => label >= 0)).toEqual(config.env.labels.lists[i])
    }
  })

  it('names commit and dirtiness of the repository around it, if it is in one', () => {
    const { git } = manifestOf(run)
    let commit: string | undefined
    try {
      commit = execFileSync('git', ['rev-parse', 'HEAD'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim()
    } catch {}
    expect(git).toEqual(commit === undefined ? null : { commit, dirty: expect.any(Boolean) })
  })
})

describe('the other files of a run', () => {
  it('config.yaml is an experiment file of the same experiment', async () => {
    expect(await loadExperiment({ file: join(run, 'config.yaml') })).toEqual(manifestOf(run).config)
  })

  it('events.jsonl has the traffic that traffic.csv has', () => {
    const rounds = eventsOf(run).filter(({ type }) => type === 'round-finished')
    const rows = rounds.flatMap(({ round, traffic }) =>
      traffic.map(({ owner, down, up }: Record<string, number>) => [round, owner, down, up].map(String)),
    )
    expect(rows).toEqual(values('traffic.csv', 'round', 'owner', 'down_bytes', 'up_bytes'))
    expect(rows).toHaveLength(6)
  })

  it('events.jsonl has the events in order, without weights', () => {
    const events = eventsOf(run)
    expect(events.map(({ type }) => type)).toEqual([
      'started',
      ...[1, 2, 3].flatMap(() => ['owner-trained', 'owner-trained', 'round-finished']),
      'finished',
    ])
    expect(events[0]).toMatchObject({ format: EVENT_FORMAT, fedunify: manifestOf(run).fedunify, rounds: 3 })
    expect(readText(run, 'events.jsonl')).not.toContain('weights')
    const { merges } = events.findLast(({ type }) => type === 'round-finished')
    const confusion: number[] = merges[0].unified.confusion
    expect(confusion).toHaveLength(16)
    expect(confusion.reduce((a, b) => a + b, 0)).toBe(merges[0].unified.images)
    expect([0, 5, 10, 15].reduce((sum, i) => sum + confusion[i]!, 0)).toBe(merges[0].unified.correct)
  })

  it('model.safetensors holds the unified model of the last round', () => {
    const bytes = readFileSync(join(run, 'model.safetensors'))
    const { weights, metadata } = decodeSafetensors(bytes, 'model.safetensors')
    expect(metadata).toMatchObject({ round: '3', merge: 'avg', seed: '3' })
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual([
      ['conv1.weight', [4, 1, 3, 3]],
      ['conv1.bias', [4]],
      ['dense1.weight', [4, 144]],
      ['dense1.bias', [4]],
    ])
    expect(Buffer.compare(encodeSafetensors(weights, metadata), bytes)).toBe(0)
  })

  it('model.onnx is as accurate on the server’s test set as the last row says', async () => {
    const dataset = await loadDataset({ dataset: 'idx', dir: join(folder, 'idx') })
    const shards = await partitionDataset(dataset, manifestOf(run).config)
    const test = shards.flatMap((shard) => [...shard.test])
    const size = sizeOf(dataset.shape)
    const images = Uint8Array.from(test.flatMap((i) => [...dataset.images.subarray(i * size, (i + 1) * size)]))
    const session = await InferenceSession.create(join(run, 'model.onnx'))
    const { label } = await session.run({ images: new Tensor('uint8', images, [test.length, 1, 12, 12]) })
    const correct = [...(label!.data as BigInt64Array)].filter((value, i) => Number(value) === dataset.labels[test[i]!])
    const last = rowsOf(run, 'unified.csv').findLast(({ merge }) => merge === 'avg')!
    expect(correct.length / test.length).toBe(Number(last.accuracy))
  })

  it('are all there is', () => {
    const files = readdirSync(run)
    for (const file of [
      'config.yaml',
      'events.jsonl',
      'local.csv',
      'manifest.json',
      'model.onnx',
      'table.csv',
      'traffic.csv',
    ]) {
      expect(files).toContain(file)
    }
    expect(files.filter((file) => file.startsWith('.') || file.endsWith('.tmp'))).toEqual([])
  })
})
