import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../../src/owner/ledger-lines.ts'
import { decodeSafetensors } from '../../../../src/weights/safetensors.ts'
import { runBinary } from '../../../support/binary.ts'
import { hasBroker } from '../../../support/broker.ts'
import { workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { manifestOf, readText } from '../../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model.onnx']
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']

/** The same experiment in one process, under masks of its own. */
async function expectSameAsLocal(name: string, file: string): Promise<void> {
  const { code, err } = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
  expect([code, err]).toEqual([0, ''])
  for (const one of FILES) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

describe.skipIf(!hasBroker)('masked sums over a broker', () => {
  it.each([
    ['avg', {}],
    ['weighted', { merge: ['weighted-avg'], server: 'avgm' }],
    ['scaffold', { objective: 'scaffold' }],
    ['threshold', { privacy: { masks: { threshold: 2 } } }],
    ['drawn', { participants: { count: 2 } }],
  ])('give the bytes of masked sums in one process: %s', { timeout: 90_000 }, async (name, given) => {
    const file = experiment(name, { owners: 3, env: 'V', privacy: { masks: {} }, ...given })
    const { dir, join: joins, serve } = await startFederation(OWNERS, data)
    const owners = OWNERS.map((owner) => joins(owner, '--once'))
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    await expectSameAsLocal(name, file)
    expect(manifestOf(at(name, 'net')).masks).toEqual(manifestOf(at(name, 'local')).masks)
    const told = (id: string) => readText(at(name, id), 'disclosure.jsonl').split('\n').filter((line) => /"masked"|"key"|"share"/.test(line)).map((line) => ({ ...JSON.parse(line), run: '' })) // biome-ignore format: one line
    expect(told('net')).toEqual(told('local'))
    const { totals } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
    const kinds = totals.filter(({ direction }) => direction === 'out').map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['card', 'key', 'masked', 'evaluation']))
    expect(kinds).not.toContain('update')
  })

  it.each(['server', 'owners'])(
    'go with noise by the %s, whose budget is that of one process',
    {
      timeout: 90_000,
    },
    async (by) => {
      const name = `noise-${by}`
      // So little that the model stays near the one without.
      const noise = { level: 'owner', clip: 0.5, noise: 0.01, 'noise-by': by }
      const given = { owners: 3, env: 'V', rounds: 1 }
      const file = experiment(name, { ...given, privacy: { masks: {}, ...noise } })
      const { join: joins, serve } = await startFederation(OWNERS, data)
      for (const owner of OWNERS) joins(owner, '--once')
      const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
      expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
      const local = ['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu']
      expect((await runBinary(local)).code).toBe(0)
      expect(readText(at(name, 'net'), 'privacy.csv')).toBe(readText(at(name, 'local'), 'privacy.csv'))
      const exact = experiment(`${name}-none`, { ...given, privacy: { level: 'owner', clip: 0.5, noise: 0 } })
      expect((await runBinary(['run', exact, '--run-id', 'local', '--quiet', '--device', 'cpu'])).code).toBe(0)
      const [noisy, plain] = [at(name, 'net'), at(`${name}-none`, 'local')].map((run) => {
        const { weights } = decodeSafetensors(readFileSync(join(run, 'model.safetensors')), run)
        return [...weights.values()].flatMap(({ data: values }) => [...values])
      })
      // The mean of three has noise of 0.01 · 0.5 / 3 in each of a few hundred values.
      const off = Math.sqrt(noisy!.reduce((sum, value, i) => sum + (value - plain![i]!) ** 2, 0) / noisy!.length)
      expect(off / (0.005 / 3)).toBeGreaterThan(0.7)
      expect(off / (0.005 / 3)).toBeLessThan(1.3)
    },
  )

  it('are shown to an owner that only looks', { timeout: 60_000 }, async () => {
    const file = experiment('shown', { owners: 3, env: 'V', privacy: { masks: { threshold: 2 } } })
    const { dir, join: joins, serve } = await startFederation(OWNERS, data)
    serve(file, '--run-id', 'net')
    const { code, out } = await joins('alice', '--dry-run').ended
    expect(code).toBe(0)
    expect(out).toMatch(
      /goes out +each round: the change of the weights under masks, [\d,]+ bytes that tell nothing alone/,
    )
    expect(out).toContain('each round: a signed key, for the other owners')
    expect(out).toContain('each round: shares of its secrets for each other owner')
    expect(out).toContain('the server learns the sum of the updates of at least 2 of 3 owners')
    expect(existsSync(join(dir, 'owners', 'alice', 'runs'))).toBe(false)
    const check = await runBinary(['federation', 'check', '--federation', join(dir, 'owners', 'alice'), '--shard', '--data', data]) // biome-ignore format: one line
    expect(check.out).toMatch(/keys +ok +of 3 owners, for masked sums/)
  })

  it('say in one line what they do not go with', async () => {
    const dir = join(folder, 'no-broker')
    expect((await runBinary(['federation', 'init', dir, '--owners', 'a,b,c'])).code).toBe(0)
    const masks = { privacy: { masks: {} } }
    const threshold = { privacy: { masks: { threshold: 2 } } }
    for (const [given, more, why] of [
      [masks, ['--max-norm', '1'], '--max-norm: under masks nobody sees how far a single update went'],
      [masks, ['--min-owners', '2', '--deadline', '9'], '--min-owners: without one of its owners a masked sum stays'],
      [{ privacy: { masks: {}, 'insecure-test-seed': 1 } }, [], 'draw no masks from a seed that the server knows'],
      [{ ...threshold, objective: 'scaffold' }, [], 'objective scaffold keeps a state at every owner'],
    ] as const) {
      const file = experiment('refused', { owners: 3, env: 'V', ...given })
      const { code, err } = await runBinary(['serve', file, '--federation', join(dir, 'server'), ...more])
      expect([code, err]).toEqual([2, expect.stringContaining(why)])
      expect(err).toMatch(/\nhint: /)
    }
  })

  it('end before a change is sent that the fixed point does not hold, and tell the server no value of it', {
    timeout: 60_000,
  }, async () => {
    const file = experiment('range', { owners: 3, env: 'V', privacy: { masks: { range: 1e-4 } } })
    const { dir, join: joins, serve } = await startFederation(OWNERS, data)
    const [alice] = OWNERS.map((owner) => joins(owner))
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect(code).toBe(4)
    expect(err).toMatch(/^error: owner \w+: round 1: \S+ changes by more than masked sums hold; nothing was sent\nhint: set privacy\.masks\.range to 0\.\d+, or lower the lr$/m) // biome-ignore format: one line
    await alice!.says(/changes by -?0\.\d+, but masked sums hold 0\.0001 at most; nothing was sent/)
    const { entries } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
    expect(entries.filter(({ kind }) => kind === 'masked' || kind === 'update')).toEqual([])
  })

  it('are all that leaves an owner whose policy says so', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'share: { weights: false }\n')
    for (const owner of ['alice', 'bob']) joins(owner)
    const given = { owners: 2, env: 'V', rounds: 1 }
    const bare = await serve(experiment('bare', given), '--run-id', 'net', '--quiet').ended
    expect([bare.code, bare.err]).toEqual([4, expect.stringContaining('owner bob refuses: share.weights: asked for its weights as they are')]) // biome-ignore format: one line
    const masked = experiment('covered', { ...given, privacy: { masks: {} } })
    expect(await serve(masked, '--run-id', 'net', '--quiet').ended).toMatchObject({ code: 0 })
  })

  it('need the keys of the other owners, which an earlier federation has not', { timeout: 60_000 }, async () => {
    const file = experiment('earlier', { owners: 2, env: 'V', privacy: { masks: {} } })
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    rmSync(join(dir, 'owners', 'bob', 'owners.json'))
    for (const owner of ['alice', 'bob']) joins(owner)
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect(code).toBe(2)
    expect(err).toContain(`error: owner bob: ${join(dir, 'owners', 'bob')} has no owners.json, the public keys of all`)
    expect(err).toContain('hint: where the federation was made, fedunify federation keys writes it')
  })
})
