import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadExperiment } from '../../src/config/load.ts'
import { execute, executeToEnd } from '../../src/run/execute.ts'
import { inThisProcess } from '../../src/run/participants.ts'
import { prepareRun } from '../../src/run/prepare.ts'
import { readCheckpoint } from '../../src/runs/checkpoint.ts'
import { workshop } from '../support/experiment.ts'
import { rowsOf } from '../support/run-folder.ts'

const { experiment, folder } = workshop()
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
const at = (name: string, id: string) => join(folder, 'results', name, id)

const prepared = async (name: string, given: object) =>
  inThisProcess(await prepareRun(await loadExperiment({ file: experiment(name, { env: 'H', ...given }) })))

const expectSame = (a: string, b: string) => {
  for (const file of FILES) expect(readFileSync(join(a, file)).equals(readFileSync(join(b, file))), file).toBe(true)
}

describe('a run that goes on after each round has the bytes of one without a break', () => {
  it.each([
    [
      'scaffold',
      { objective: 'scaffold', optimizer: 'momentum', 'lr-schedule': 'cosine' },
      ['shift', 'trained', 'unit'],
    ],
    ['feddyn', { objective: { feddyn: { alpha: 0.1 } }, merge: ['avg', 'max'] }, ['shift']],
    ['fedcm', { objective: 'fedcm', 'weight-decay': 0.001 }, ['before', 'unit']],
  ])('%s', { timeout: 60_000 }, async (name, given, kept) => {
    const run = await prepared(name, { rounds: 4, ...given })
    await executeToEnd(run, { path: at(name, 'whole') })
    const path = at(name, 'broken')
    for (let done = 0; done < 3; done++) {
      for await (const event of execute(run, { path, resume: done > 0 })) if (event.type === 'round-finished') break
    }
    await executeToEnd(run, { path, resume: true })
    expectSame(at(name, 'whole'), path)
    const [whole, broken] = await Promise.all([at(name, 'whole'), path].map((dir) => readCheckpoint(dir)))
    expect(broken!.ownerStates).toEqual(whole!.ownerStates)
    expect([...broken!.ownerStates].map(([owner, state]) => [owner, Object.keys(state).toSorted()])).toEqual([
      [1, kept],
      [2, kept],
    ])
  })
})

describe('a first round', () => {
  it('of scaffold is that of no objective, bit for bit, and the second is another', { timeout: 60_000 }, async () => {
    for (const objective of ['cross-entropy', 'scaffold']) {
      for (const rounds of [1, 2]) {
        const name = `${objective}-${rounds}`
        await executeToEnd(await prepared(name, { rounds, objective }), { path: at(name, 'a') })
      }
    }
    const model = (name: string) => readFileSync(join(at(name, 'a'), 'model.safetensors'))
    expect(model('scaffold-1').equals(model('cross-entropy-1'))).toBe(true)
    expect(model('scaffold-2').equals(model('cross-entropy-2'))).toBe(false)
  })
})

it.each(['scaffold', 'feddyn', 'fedcm', 'fedrs', 'fedlc', 'balanced-softmax'])(
  'nothing but weights leaves an owner for %s',
  async (objective) => {
    const path = at(`left-${objective}`, 'a')
    await executeToEnd(await prepared(`left-${objective}`, { rounds: 2, objective }), { path })
    const lines = readFileSync(join(path, 'disclosure.jsonl'), 'utf8').trim().split('\n')
    const weights = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'weights')
    expect(weights.map(({ fields }) => fields)).toEqual(Array(4).fill(['weights']))
    expect(new Set(rowsOf(path, 'traffic.csv').map(({ up_bytes }) => up_bytes)).size).toBe(1)
  },
)

it('the size of a step that fedexp chooses is in the events, and in those of no other', {
  timeout: 60_000,
}, async () => {
  for (const server of ['fedexp', 'avgm']) {
    const path = at(server, 'a')
    await executeToEnd(await prepared(server, { rounds: 2, server }), { path })
    const events = readFileSync(join(path, 'events.jsonl'), 'utf8').trim().split('\n')
    const sizes = events.map((line) => JSON.parse(line)).filter(({ type }) => type === 'round-finished')
    for (const { step_size: size } of sizes) {
      if (server === 'avgm') expect(size).toBeUndefined()
      else expect(size).toBeGreaterThanOrEqual(1)
    }
    expect(sizes.length).toBe(2)
  }
})
