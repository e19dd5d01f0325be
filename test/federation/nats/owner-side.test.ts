import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../src/owner/ledger-lines.ts'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { SLOW_MODEL, workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeTinyIdx } from '../../support/idx.ts'
import { eventsOf, manifestOf, rowsOf } from '../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')

describe.skipIf(!hasBroker)('an owner', () => {
  it('refuses what its policy does not allow, and the server says why', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'allow: { merge: [max] }\nmost: { rounds: 2 }\n')
    joins('alice')
    const bob = joins('bob')
    const { code, err } = await serve(experiment('refused', { rounds: 3 }), '--quiet').ended
    expect(code).toBe(4)
    expect(err).toContain('error: owner bob refuses: ')
    expect(err).toContain('allow.merge: asked for avg; allowed: max')
    expect(err).toContain('most.rounds: asked for 3; allowed: at most 2')
    await bob.says('refuses run')
    const { entries } = (await readLedger(join(dir, 'owners', 'bob', 'ledger.jsonl')))!
    expect(entries.map(({ direction, kind }) => `${direction} ${kind}`)).toEqual(['in experiment', 'out refusal'])
  })

  it('gives up a round that takes longer than its policy allows', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'most: { seconds-per-round: 1 }\n')
    joins('alice')
    joins('bob')
    const file = experiment('slow', { rounds: 2, model: SLOW_MODEL, 'local-epochs': 50 })
    const { code, err } = await serve(file, '--quiet').ended
    expect([code, err]).toEqual([
      4,
      expect.stringContaining('owner bob refuses: most.seconds-per-round: round 1 has taken'),
    ])
  })

  it('may keep its label counts to itself', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'share: { labels: false }\n')
    joins('alice')
    joins('bob')
    const { code, err } = await serve(experiment('silent', { rounds: 2 }), '--run-id', 'a', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    const run = join(folder, 'results', 'silent', 'a')
    const [alice, bob] = manifestOf(run).shards
    expect(alice.train_labels).toHaveLength(4)
    expect([bob.train_labels, bob.test_labels]).toEqual([[], []])
    const rounds = eventsOf(run).filter(({ type }) => type === 'round-finished')
    for (const { locals } of rounds) {
      const [own, kept] = locals.map(({ local }: { local: { confusion: number[] } }) => local.confusion)
      expect(own.some((count: number) => count > 0)).toBe(true)
      expect(kept.every((count: number) => count === 0)).toBe(true)
    }
    const report = join(folder, 'silent.html')
    expect((await runBinary(['report', run, '--out', report])).code).toBe(0)
    expect(readFileSync(report, 'utf8')).not.toContain('NaN')
  })

  it('shows what would be sent with --dry-run, and sends nothing; then it takes part', {
    timeout: 60_000,
  }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const server = serve(experiment('shown', { rounds: 2 }), '--run-id', 'a', '--quiet')
    joins('bob', '--once')
    const { code, out } = await joins('alice', '--dry-run').ended
    expect(code).toBe(0)
    expect(out).toContain('would be sent')
    expect(out).toContain('"what": "card"')
    expect(out).toContain('train_labels')
    const alice = joins('alice', '--once')
    expect(await server.ended).toMatchObject({ code: 0 })
    expect(await alice.ended).toMatchObject({ code: 0 })
    const { entries, totals } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
    const sent = entries.filter(({ direction, kind }) => direction === 'out' && kind === 'update')
    expect(sent.map(({ round }) => round)).toEqual([1, 2])
    expect(totals.find(({ kind }) => kind === 'model')!.entries).toBe(3)
  })

  it('trains on images of its own, and refuses others than before unless it is told', { timeout: 60_000 }, async () => {
    const { join: joins, serve, joinWith } = await startFederation(['alice', 'bob'], data)
    const own = temporaryFolder()
    writeTinyIdx(own, { train: 90, test: 30, rows: 12, cols: 12, classes: 4 })
    joins('bob')
    const first = joinWith('alice', '--data', own, '--once')
    expect(await serve(experiment('own', { rounds: 1 }), '--quiet').ended).toMatchObject({ code: 0 })
    await first.ended
    writeTinyIdx(own, { train: 60, test: 30, rows: 12, cols: 12, classes: 4 })
    const second = joinWith('alice', '--data', own, '--once')
    const refused = await serve(experiment('changed', { rounds: 1 }), '--quiet').ended
    expect(refused.code).toBe(4)
    expect(refused.err).toContain('the images in the data folder are not those of the last run')
    await second.ended
    joinWith('alice', '--data', own, '--once', '--accept-new-data')
    expect(await serve(experiment('accepted', { rounds: 1 }), '--quiet').ended).toMatchObject({ code: 0 })
  })
})

describe.skipIf(!hasBroker)('the server', () => {
  it('does not wait for ever if it is told so, and the run can go on', { timeout: 60_000 }, async () => {
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const file = experiment('late', { rounds: 400 })
    joins('alice')
    const bob = joins('bob')
    const server = serve(file, '--run-id', 'a', '--deadline', '3')
    await server.says(/round +2\/400/)
    bob.child.kill('SIGSTOP')
    const { code, err } = await server.ended
    bob.child.kill('SIGCONT')
    expect(code).toBe(4)
    expect(err).toContain('error: owner bob did not answer within 3 s (--deadline)\nhint: the round does not count')
    const again = serve('--resume', join(folder, 'results', 'late', 'a'), '--deadline', '20')
    await again.says('after round')
    await again.says(/round +\d+\/400/)
  })

  it('merges a round without an owner that is late, if it is allowed to, and marks it', {
    timeout: 90_000,
  }, async () => {
    const { join: joins, serve } = await startFederation(['alice', 'bob', 'carol'], data)
    const file = experiment('partial', { rounds: 12, merge: ['avg', 'max'] })
    for (const name of ['alice', 'carol']) joins(name)
    const bob = joins('bob')
    const server = serve(file, '--run-id', 'a', '--deadline', '3', '--min-owners', '2')
    await server.says(/round +2\/12/)
    bob.child.kill('SIGSTOP')
    await server.says('owner bob did not answer within 3 s (--deadline): the round goes on without it')
    bob.child.kill('SIGCONT')
    const { code, err } = await server.ended
    expect([code, err]).toEqual([0, expect.stringMatching(/round +\d+\/12 .*without owner 2/)])
    const run = join(folder, 'results', 'partial', 'a')
    expect(manifestOf(run)).toMatchObject({ status: 'finished', rounds: 12, min_owners: 2 })
    const owners = rowsOf(run, 'unified.csv').map((row) => Number(row.owners))
    expect(new Set(owners)).toEqual(new Set([2, 3]))
    const without = rowsOf(run, 'table.csv').filter((row) => row.local_2 === '')
    expect(without.length).toBe(owners.filter((n) => n === 2).length / 2)
    expect(rowsOf(run, 'local.csv').length).toBe(owners.reduce((sum, n) => sum + n, 0) / 2)
    const report = join(folder, 'partial.html')
    expect((await runBinary(['report', run, '--out', report])).code).toBe(0)
    expect(readFileSync(report, 'utf8')).toContain('lacks owners in ')
    expect((await runBinary(['compare', run, run])).code).toBe(0)
  })

  it.each([
    [['--min-owners', '1'], '--min-owners needs a --deadline'],
    [['--min-owners', '3', '--deadline', '9'], '--min-owners is 3, but there are 2 owners'],
    [
      ['--min-owners', '1', '--deadline', '9', '--set', 'objective=scaffold'],
      'objective scaffold keeps a state at every owner, so none may be absent',
    ],
    [
      ['--set', 'objective=feddyn', '--set', 'server=adam'],
      '--set objective: objective feddyn needs the merged model as it is',
    ],
  ])('refuses %j', { timeout: 30_000 }, async (options, message) => {
    const { serve } = await startFederation(['alice', 'bob'], data)
    const { code, err } = await serve(experiment('refused-options'), ...options).ended
    expect([code, err]).toEqual([2, expect.stringContaining(`error: ${message}`)])
  })
})
