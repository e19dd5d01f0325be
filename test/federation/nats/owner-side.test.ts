import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readLedger } from '../../../src/federation/ledger-lines.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { writeTinyIdx } from '../../support/idx.ts'

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
})
