import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { EvilOwner, honestly } from '../../support/evil-owner.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const given = { env: 'H', rounds: 2, merge: 'class-rows' }

describe.skipIf(!hasBroker)('a rule that merges by the images of each class', () => {
  it('has the bytes of a local run if the owners share them', { timeout: 90_000 }, async () => {
    const file = experiment('shared', given)
    const { join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const owners = ['alice', 'bob'].map((name) => joins(name, '--once'))
    const { code, err } = await serve(file, '--run-id', 'net').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    expect((await owners[0]!.ended).out).toMatch(/needed +how many images there are of each class/)
    expect((await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])).code).toBe(0)
    const model = (id: string) => readFileSync(join(folder, 'results', 'shared', id, 'model.safetensors'))
    expect(model('net').equals(model('local'))).toBe(true)
  })

  it('is refused by an owner that does not, before anything is trained', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    writeFileSync(join(dir, 'owners', 'bob', 'policy.yaml'), 'share: { labels: false }\n')
    for (const name of ['alice', 'bob']) joins(name, '--once')
    const { code, err } = await serve(experiment('kept', given), '--run-id', 'net').ended
    expect(code).toBe(4)
    expect(err).toContain(
      'owner bob refuses: share.labels: asked for the number of images of each class; this owner does not share it',
    )
  })

  it('is not merged without those of an owner that takes part all the same', { timeout: 60_000 }, async () => {
    const fed = await startFederation(['alice', 'bob'], data)
    fed.join('alice')
    const server = fed.serve(experiment('silent', given), '--run-id', 'net')
    const bob = await EvilOwner.open(fed.dir, 'bob', data)
    const work = bob.work({ card: (card) => ({ ...card, train_labels: null, test_labels: null }), train: honestly })
    const { code, err } = await server.ended
    await work
    expect([code, err]).toEqual([
      4,
      expect.stringContaining(
        'owner bob does not share how many images of each class it has, which a merge rule needs',
      ),
    ])
  })
})

describe.skipIf(!hasBroker)('a rule for many owners', () => {
  it('is refused if so many may be absent that it cannot merge the others', { timeout: 60_000 }, async () => {
    const { serve } = await startFederation(['a', 'b', 'c', 'd', 'e'], data)
    const absent = ['--min-owners', '4', '--deadline', '60']
    const { code, err } = await serve(experiment('krum', { merge: 'krum' }), ...absent).ended
    expect(code).toBe(2)
    expect(err).toContain('error: merge krum: with f 1 it needs 5 owners or more (2f + 3), there are 4\n')
  })
})
