import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../src/owner/ledger-lines.ts'
import { stream } from '../../../src/random.ts'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { SMALL_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { manifestOf, readText } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
/** For random features: a dense layer and ReLU before the last one. */
const HIDDEN = [...SMALL_MODEL.slice(0, 4), { type: 'dense', units: 6 }, { type: 'relu' }, { type: 'dense', units: 4 }]
const at = (name: string, id: string) => join(folder, 'results', name, id)

/** The same experiment in one process. */
async function expectSameAsLocal(name: string, file: string, more: readonly string[] = []): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  const kept = (id: string) => Object.keys(manifestOf(at(name, id)).files).filter((one) => one.startsWith('owners/'))
  expect(kept('net')).toEqual(kept('local'))
  for (const one of [...FILES, ...more, ...kept('local')]) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

/** How many parties are killed, or stores wiped, in one run: many more to look for what is rare. */
const KILLS = Number(process.env.CHAOS_KILLS ?? 8)

describe.skipIf(!hasBroker)('owners over a broker', () => {
  it.each([
    ['avg', {}],
    ['adam', { server: { adam: { lr: 0.02 } }, merge: ['avg', 'max'] }],
    ['own-weights', { init: 'independent', objective: { fedprox: { mu: 0.1 } }, 'local-epochs': 2 }],
    ['until', { 'stop-at': 0.5, rounds: 40 }],
    ['seldom', { 'evaluate-every': 2, rounds: 5, merge: ['avg', 'max'] }],
  ])('give the bytes of a run in one process: %s', { timeout: 90_000 }, async (name, given) => {
    const file = experiment(name, { env: 'H', ...given })
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const owners = [joins('alice', '--once'), joins('bob', '--once')]
    const { code, err, out } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    expect(out).toContain('unified accuracy')
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal(name, file)
    expect(manifestOf(at(name, 'net')).shards).toEqual(manifestOf(at(name, 'local')).shards)
    expect((await runBinary(['check', at(name, 'net'), '--expect', expectation(folder)])).code).toBe(0)
  })

  it.each([
    ['ridge', { head: { ridge: { random: 10, lambda: 0.1 } }, merge: ['avg', 'max'], 'evaluate-every': 2 }],
    ['lda', { head: { lda: { lambda: 0.1 } } }],
  ])('give the sums of a head, and its bytes: %s', { timeout: 90_000 }, async (name, given) => {
    const file = experiment(name, { env: 'H', model: HIDDEN, ...given })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    for (const owner of ['alice', 'bob']) {
      writeFileSync(join(dir, 'owners', owner, 'policy.yaml'), 'share: { statistics: true }\n')
    }
    const owners = [joins('alice', '--once'), joins('bob', '--once')]
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal(name, file, ['model-head.safetensors', 'model-head.onnx'])
    const { entries } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
    const out = entries.filter(({ kind }) => kind === 'statistics')
    const sums = readText(at(name, 'net'), 'disclosure.jsonl').split('\n').filter((line) => line.includes('"statistics"') && line.includes('"owner":1')) // biome-ignore format: one line
    expect(out.map(({ direction, round, bytes }) => [direction, round, bytes])).toEqual(
      sums.map((line) => ['out', JSON.parse(line).round, JSON.parse(line).bytes]),
    )
    expect(entries.filter(({ direction, kind }) => direction === 'in' && kind === 'head')).toHaveLength(out.length)
  })

  it('leave their weights in the run folder if the server keeps them, where any rule can merge them', {
    timeout: 90_000,
  }, async () => {
    const file = experiment('kept', { env: 'H', rounds: 2, merge: ['avg', 'max'], keep: 'owners' })
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const owners = [joins('alice', '--once'), joins('bob', '--once')]
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal('kept', file)
    const remerged = await runBinary([
      'remerge',
      at('kept', 'net'),
      '--data',
      data,
      '--rules',
      'avg,max',
      '--csv',
      '--quiet',
    ])
    expect([remerged.code, remerged.err]).toEqual([0, ''])
    const own = readFileSync(join(at('kept', 'net'), 'unified.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(-2)
    const accuracies = own.map((line) => line.split(',')[3])
    expect(
      remerged.out
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',')[4]),
    ).toEqual(accuracies)
  })

  it('go on with what their objective keeps, if they are started anew', { timeout: 90_000 }, async () => {
    const file = experiment('scaffold', { env: 'H', rounds: 6, objective: 'scaffold', 'lr-schedule': 'cosine' })
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const alice = joins('alice')
    joins('bob')
    const server = serve(file, '--run-id', 'net')
    await server.says(/round +2\/6/)
    alice.child.kill('SIGKILL')
    await alice.ended
    joins('alice')
    expect(await server.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal('scaffold', file)
  })

  it('lose no finished round, whoever is killed and whatever the broker loses', { timeout: 900_000 }, async () => {
    const file = experiment('chaos', {
      env: 'H',
      rounds: KILLS > 8 ? 40 : 16,
      'local-epochs': 2,
      server: 'avgm',
      keep: 'owners',
    })
    const { broker, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const owners = { alice: joins('alice'), bob: joins('bob') }
    let server = serve(file, '--run-id', 'net')
    const random = stream(3, 'shuffle')
    const kills: Record<string, () => Promise<void>> = {
      async owner() {
        const name = random.uniform() < 0.5 ? 'alice' : 'bob'
        owners[name].child.kill('SIGKILL')
        await owners[name].ended
        owners[name] = joins(name)
      },
      async server() {
        server.child.kill('SIGKILL')
        await server.ended
        server = serve('--resume', at('chaos', 'net'))
      },
      async broker() {
        await broker.kill()
        await broker.restart()
      },
      async store() {
        await broker.kill()
        await broker.wipe()
        await broker.restart()
      },
    }
    const kinds = ['owner', 'broker', 'server', 'store', 'owner', 'server', 'store', 'broker']
    for (let i = 0; i < KILLS; i++) {
      const kill = kinds[i % kinds.length]!
      await Promise.race([server.says(/round +\d+\/\d+/), server.ended])
      await new Promise((resolve) => setTimeout(resolve, 400 * random.uniform()))
      await kills[kill]!()
    }
    expect(await server.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal('chaos', file)
  })
})

function expectation(dir: string): string {
  const file = join(dir, 'expect.yaml')
  writeFileSync(file, '- { metric: participants, each-round: 2 }\n')
  return file
}
