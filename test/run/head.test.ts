import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configHash } from '../../src/config/hash.ts'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { loadDataset } from '../../src/data/load-dataset.ts'
import { partitionDataset } from '../../src/data/partition/partition.ts'
import type { TrainingSetup } from '../../src/engine/engine.ts'
import { noStatistics } from '../../src/engine/head-statistics.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { evaluate } from '../../src/engine/onnx/session/evaluate.ts'
import { headTensors, statisticsTensors } from '../../src/federation/head-tensors.ts'
import { decodeSafetensors, safetensorsSize } from '../../src/weights/safetensors.ts'
import { runBinary } from '../support/binary.ts'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const MODEL = [...SMALL_MODEL.slice(0, 4), { type: 'dense', units: 6 }, { type: 'relu' }, { type: 'dense', units: 4 }]
const HEAD = { ridge: { random: 10, lambda: 0.1 } }
const given = { env: 'H', merge: ['avg', 'max'], rounds: 3, model: MODEL, head: HEAD, 'evaluate-every': 2 }
const at = (name: string, id: string, file: string) => join(folder, 'results', name, id, file)
const text = (name: string, id: string, file: string) => readFileSync(at(name, id, file), 'utf8')
const run = async (file: string, id: string, ...more: string[]) =>
  await fedunify(['run', file, '--run-id', id, '--quiet', '--device', 'cpu', ...more])

/** Accuracy and loss of an exported model on all owners' test images. */
async function scoreOf(name: string, file: string) {
  const dataset = await loadDataset({ dataset: 'idx', dir: join(folder, 'idx') })
  const shards = await partitionDataset(dataset, { env: 'H', owners: 2, seed: 0 })
  const session = await createSession(readFileSync(at(name, 'a', file)))
  const job = { dataset, model: { input: [1, 12, 12], classes: 4 } } as unknown as TrainingSetup
  const test = Uint32Array.from(shards.flatMap((shard) => [...shard.test]))
  const { correct, images, lossSum } = await evaluate(session, job, test)
  await session.release()
  return { accuracy: correct / images, loss: lossSum / images }
}

/** What the run says of it in its last round. */
function scoreIn(name: string, series: string) {
  const rows = text(name, 'a', 'unified.csv').trim().split('\n')
  const row = rows.findLast((line) => line.split(',')[1] === series)!
  const [, , , accuracy, loss] = row.split(',').map(Number)
  return { accuracy, loss: expect.closeTo(loss!, 5) }
}

describe('a run with a head', () => {
  it('scores it beside the merge rules where it evaluates, and sends back the first rule as without it', async () => {
    expect(await run(experiment('headed', given), 'a')).toMatchObject({ code: 0 })
    expect(await run(experiment('plain', { ...given, head: 'none' }), 'a')).toMatchObject({ code: 0 })
    const rows = text('headed', 'a', 'unified.csv').trim().split('\n')
    expect(rows.map((row) => row.split(',').slice(0, 3).join())).toEqual([
      'round,merge,owners',
      ...[1, 2, 3].flatMap((round) => ['avg', 'max', 'ridge'].map((name) => `${round},${name},2`)),
    ])
    expect(rows[3]).toBe('1,ridge,2,,')
    expect(rows[6]).toMatch(/^2,ridge,2,[01](\.\d+)?,\d/)
    expect(rows.filter((row) => !row.includes('ridge')).join('\n')).toBe(text('plain', 'a', 'unified.csv').trim())
    for (const file of ['model.safetensors', 'model.onnx', 'local.csv']) {
      expect(readFileSync(at('headed', 'a', file)).equals(readFileSync(at('plain', 'a', file)))).toBe(true)
    }
    expect(text('headed', 'a', 'table.csv').split('\n')[0]).toBe('epoch,local_1,local_2,avg,max,ridge')
    expect(await fedunify(['verify', at('headed', 'a', '')])).toMatchObject({ code: 0 })
  })

  it('counts the bytes of the sums and of the head', async () => {
    const bytes = (name: string) => text(name, 'a', 'traffic.csv').trim().split('\n').slice(1).map((row) => row.split(',').map(Number)) // biome-ignore format: one line
    const size = 6 + 10 + 1
    const sent = safetensorsSize(statisticsTensors(noStatistics(size - 1, 4)))
    const last = safetensorsSize(headTensors({ weight: new Float32Array(4 * (size - 1)), bias: new Float32Array(4) }))
    // Their values, and the header of the file.
    expect([sent - 4 * ((size * (size + 1)) / 2 + 4 * size), last - 4 * 4 * size]).toEqual([8 + 144, 8 + 144])
    const [more, head] = [[0, sent, sent], [0, last, last]] // biome-ignore format: one line
    for (const [i, [round, owner, down, up]] of bytes('headed').entries()) {
      const plain = bytes('plain')[i]!
      expect([round, owner, down! - plain[2]!, up! - plain[3]!]).toEqual([
        plain[0],
        plain[1],
        head[round! - 1],
        more[round! - 1],
      ])
    }
    const told = text('headed', 'a', 'disclosure.jsonl').trim().split('\n').map((line) => JSON.parse(line)) // biome-ignore format: one line
    const sums = told.filter(({ kind }) => kind === 'statistics')
    expect(sums.map(({ round, owner, fields, bytes: b }) => [round, owner, fields, b])).toEqual(
      [2, 3].flatMap((round) => [1, 2].map((owner) => [round, owner, ['images', 'gram', 'cross'], more[1]])),
    )
  })

  it('leaves a model like any other, whose ONNX file and weights are the ones that were scored', async () => {
    const file = at('headed', 'a', 'model-head.safetensors')
    const { weights } = decodeSafetensors(readFileSync(file), file)
    expect([...weights].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ['conv1.weight', 4, 1, 3, 3],
      ['conv1.bias', 4],
      ['dense1.weight', 16, 144],
      ['dense1.bias', 16],
      ['dense2.weight', 4, 16],
      ['dense2.bias', 4],
    ])
    expect(await scoreOf('headed', 'model-head.onnx')).toEqual(scoreIn('headed', 'ridge'))
  })

  it('can be expected to reach an accuracy', async () => {
    const gate = join(folder, 'gate.yaml')
    const expecting = async (min: number) => {
      writeFileSync(gate, `- { metric: unified, merge: ridge, at: end, min: ${min} }\n`)
      return await fedunify(['check', at('headed', 'a', ''), '--expect', gate])
    }
    const reached = Number(text('headed', 'a', 'unified.csv').trim().split('\n').at(-1)!.split(',')[3])
    expect(await expecting(reached)).toMatchObject({ code: 0 })
    writeFileSync(gate, '- { metric: unified, merge: lda, min: 0.1 }\n')
    expect((await fedunify(['check', at('headed', 'a', ''), '--expect', gate])).code).toBe(1)
  })

  it('comes to the same with one worker, and in two parts', async () => {
    const file = experiment('again', given)
    expect(await run(file, 'one', '--workers', '1')).toMatchObject({ code: 0 })
    expect(await run(file, 'stopped', '--stop-after', '2')).toMatchObject({ code: 0 })
    expect(await fedunify(['run', '--resume', at('again', 'stopped', ''), '--rounds', '3', '--quiet'])).toMatchObject({ code: 0 }) // biome-ignore format: one line
    for (const id of ['one', 'stopped']) {
      for (const name of ['unified.csv', 'model-head.safetensors', 'model-head.onnx']) {
        expect(readFileSync(at('again', id, name)).equals(readFileSync(at('headed', 'a', name)))).toBe(true)
      }
    }
  })

  it('is refused before anything is written if it cannot be fitted', async () => {
    const file = experiment('flat', { head: HEAD, model: [{ type: 'flatten' }, { type: 'dense', units: 4 }] })
    const { code, err } = await run(file, 'a')
    expect([code, err]).toEqual([2, expect.stringContaining('error: random features need a dense layer and relu')])
    expect(err).toContain('hint: fit the head without random features, or choose another model')
    const twice = await runBinary(['run', experiment('twice', given), '--set', 'head.lda.lambda=1'])
    expect([twice.code, twice.err]).toEqual([2, expect.stringContaining('head.lda.lambda')])
  })

  it('leaves the hash of experiments without one as it was', () => {
    const hashOf = (values: Readonly<Record<string, unknown>>) =>
      configHash(resolveExperiment([{ kind: 'file', values, where: () => 'test' }]))
    expect(hashOf({ head: 'none' })).toBe(hashOf({}))
    expect(hashOf({ head: { ridge: { random: 3 } } })).not.toBe(hashOf({ head: 'ridge' }))
  })
})

describe('a model that ends with an etf', () => {
  const etf = [...MODEL.slice(0, -1), { type: 'dense', units: 5 }, { type: 'etf', scale: 6 }]

  it('learns its scale, and is exported with its frame inside', async () => {
    expect(await run(experiment('etf', { ...given, model: etf }), 'a')).toMatchObject({ code: 0 })
    const file = at('etf', 'a', 'model.safetensors')
    const { weights } = decodeSafetensors(readFileSync(file), file)
    expect([...weights.keys()].slice(-3)).toEqual(['dense2.weight', 'dense2.bias', 'etf1.scale'])
    const [scale] = weights.get('etf1.scale')!.data
    expect(scale).toBeGreaterThan(0)
    expect(scale).not.toBe(6)
    expect(await scoreOf('etf', 'model.onnx')).toEqual(scoreIn('etf', 'avg'))
  })

  it('gives its head what leads to it: a dense layer stands for it and for the linear one', async () => {
    const file = at('etf', 'a', 'model-head.safetensors')
    const { weights } = decodeSafetensors(readFileSync(file), file)
    expect([...weights].map(([name, { shape }]) => [name, ...shape]).slice(-3)).toEqual([
      ['dense1.bias', 16],
      ['dense2.weight', 4, 16],
      ['dense2.bias', 4],
    ])
    expect(await scoreOf('etf', 'model-head.onnx')).toEqual(scoreIn('etf', 'ridge'))
    const plain = { ...given, model: etf, head: 'ridge' }
    expect(await run(experiment('etf-plain', plain), 'a')).toMatchObject({ code: 0 })
    expect(await scoreOf('etf-plain', 'model-head.onnx')).toEqual(scoreIn('etf-plain', 'ridge'))
  })
})
