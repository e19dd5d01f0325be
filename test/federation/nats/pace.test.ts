import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { SLOW_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { manifestOf, rowsOf } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)
const FILES = [
  'local.csv',
  'unified.csv',
  'table.csv',
  'traffic.csv',
  'arrivals.csv',
  'model.safetensors',
  'model.onnx',
]
const given = { env: 'H', rounds: 8, pace: { fedasync: { alpha: 0.5 } } }

/** The same arrivals with all owners in one process. */
async function expectReplayed(name: string, file: string, ...more: string[]): Promise<void> {
  const replay = ['run', file, '--replay', at(name, 'net'), '--run-id', 'replay', '--quiet', '--device', 'cpu', ...more]
  const { code, err } = await runBinary(replay)
  expect([code, err]).toEqual([0, ''])
  for (const one of FILES) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'replay'), one))), one).toBe(true)
  }
}

describe.skipIf(!hasBroker)('owners over a broker, without waiting', () => {
  it.each([
    ['fedasync', {}],
    ['fedbuff', { pace: { fedbuff: { size: 3 } }, 'evaluate-every': 2 }],
    ['last-models', { pace: 'last-models' }],
  ])(
    'arrive in an order of their own, which is recorded and can be repeated: %s',
    { timeout: 90_000 },
    async (name, more) => {
      const file = experiment(name, { ...given, ...more })
      const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
      const owners = [joins('alice', '--once'), joins('bob', '--once')]
      const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
      expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
      for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
      const arrivals = rowsOf(at(name, 'net'), 'arrivals.csv')
      expect(arrivals).toHaveLength(name === 'fedbuff' ? 24 : 8)
      expect(manifestOf(at(name, 'net')).arrivals).toBe('real')
      expect((await runBinary(['verify', at(name, 'net')])).code).toBe(0)
      await expectReplayed(name, file)
    },
  )

  it('go on where the record ends, whoever is killed and whatever the broker loses', { timeout: 300_000 }, async () => {
    const file = experiment('chaos', { ...given, rounds: 24, pace: { fedbuff: { size: 2 } } })
    const { broker, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const owners = { alice: joins('alice'), bob: joins('bob') }
    let server = serve(file, '--run-id', 'net')
    const kills = [
      async () => {
        owners.bob.child.kill('SIGKILL')
        await owners.bob.ended
        owners.bob = joins('bob')
      },
      async () => {
        server.child.kill('SIGKILL')
        await server.ended
        server = serve('--resume', at('chaos', 'net'))
      },
      async () => {
        await broker.kill()
        await broker.restart()
      },
      async () => {
        await broker.kill()
        await broker.wipe()
        await broker.restart()
      },
    ]
    for (const kill of [...kills, ...kills]) {
      await Promise.race([server.says(/round +\d+\/\d+/), server.ended])
      await kill()
    }
    expect(await server.ended).toMatchObject({ code: 0, err: expect.stringMatching(/resuming .* after round \d/) })
    expect(rowsOf(at('chaos', 'net'), 'arrivals.csv')).toHaveLength(48)
    await expectReplayed('chaos', file)
  })

  it('do not wait for a slow one, which scores models while it trains', { timeout: 120_000 }, async () => {
    // 60 images and 180: one training of bob is as long as three of alice, in seconds.
    const slow = { env: { labels: { lists: [[0], [1, 2, 3]] } }, model: SLOW_MODEL, 'local-epochs': 2 }
    const file = experiment('slow', { ...given, ...slow, rounds: 5 })
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    for (const name of ['alice', 'bob']) joins(name, '--once')
    const { code, err } = await serve(file, '--run-id', 'net').ended
    expect(code, err).toBe(0)
    const owners = rowsOf(at('slow', 'net'), 'arrivals.csv').map(({ owner }) => owner)
    // If each version waited for bob to be free, they would take turns, and bob's first would be the second to arrive.
    expect(owners.filter((owner) => owner === '1').length, owners.join()).toBeGreaterThanOrEqual(3)
    expect(rowsOf(at('slow', 'net'), 'unified.csv').every(({ accuracy }) => accuracy !== '')).toBe(true)
    await expectReplayed('slow', file)
  })

  it('do not wait for one that is gone and shares no metrics, and take it up when it is back', {
    timeout: 90_000,
  }, async () => {
    const file = experiment('gone', { ...given, rounds: 40 })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'share: { metrics: false }\n')
    joins('alice')
    const bob = joins('bob')
    const server = serve(file, '--run-id', 'net')
    await server.says('bob has joined')
    bob.child.kill('SIGSTOP')
    await server.says(/round +12\/40/)
    bob.child.kill('SIGCONT')
    expect(await server.ended).toMatchObject({ code: 0 })
    const arrivals = rowsOf(at('gone', 'net'), 'arrivals.csv')
    expect(new Set(arrivals.slice(4, 12).map(({ owner }) => owner))).toEqual(new Set(['1']))
    expect(arrivals.some(({ owner }) => owner === '2')).toBe(true)
    // What it trained from before was many versions old when it arrived.
    const late = arrivals.find(({ owner, round }) => owner === '2' && Number(round) > 12)!
    expect(Number(late.round) - 1 - Number(late.trained_from)).toBeGreaterThanOrEqual(8)
    const { code } = await runBinary([
      'run',
      file,
      '--replay',
      at('gone', 'net'),
      '--run-id',
      'replay',
      '--device',
      'cpu',
    ])
    expect(code).toBe(0)
    const bytes = (id: string) => readFileSync(join(at('gone', id), 'model.safetensors'))
    expect(bytes('replay').equals(bytes('net'))).toBe(true)
  })

  it.each([
    ['speeds', { speeds: [1, 3] }, [], 'speeds are of simulated owners'],
    [
      'min-owners',
      {},
      ['--min-owners', '1', '--deadline', '9'],
      '--min-owners: with pace fedasync no round waits for all',
    ],
  ])('are not given %s', { timeout: 30_000 }, async (name, more, options, why) => {
    const { serve } = await startFederation(['alice', 'bob'], data)
    const { code, err } = await serve(experiment(`no-${name}`, { ...given, ...more }), ...options).ended
    expect([code, err]).toEqual([2, expect.stringContaining(`error: ${why}`)])
  })
})
