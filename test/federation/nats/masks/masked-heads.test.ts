import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { resolveExperiment } from '../../../../src/config/resolve.ts'
import { objectSource } from '../../../../src/config/source.ts'
import { initialWeights } from '../../../../src/model/init.ts'
import { buildModel } from '../../../../src/model/model.ts'
import { readLedger } from '../../../../src/owner/ledger-lines.ts'
import { idOf, type MaskedRound } from '../../../../src/privacy/masks/masked-round.ts'
import { runBinary } from '../../../support/binary.ts'
import { hasBroker } from '../../../support/broker.ts'
import { EvilServer } from '../../../support/evil-server.ts'
import { SMALL_MODEL, workshop } from '../../../support/experiment.ts'
import { startFederation } from '../../../support/federation.ts'
import { joinedBy, MaskedPlot, otherOwners } from '../../../support/masked-plot.ts'
import { heldBefore, startAgent } from '../../../support/owner-agent.ts'
import { manifestOf, readText } from '../../../support/run-folder.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const at = (name: string, id: string) => join(folder, 'results', name, id)
const OWNERS = ['alice', 'bob', 'carol']
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'traffic.csv', 'model.safetensors', 'model-head.safetensors']
const given = { owners: 3, env: 'V', head: 'ridge', privacy: { masks: {} }, 'evaluate-every': 2 }

/** Whose owners let sums leave them. */
async function federation() {
  const fed = await startFederation(OWNERS, data)
  for (const name of OWNERS) {
    writeFileSync(join(fed.dir, 'owners', name, 'policy.yaml'), 'share: { statistics: true }\n')
  }
  return fed
}

const sentBy = async (dir: string) => {
  const { entries } = (await readLedger(join(dir, 'owners', 'alice', 'ledger.jsonl')))!
  return entries.filter(({ direction }) => direction === 'out').map(({ kind }) => kind)
}

/** The same experiment in one process comes to the same bytes. */
async function expectModelsOfLocal(name: string, file: string): Promise<void> {
  expect(await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])).toMatchObject({ code: 0 })
  for (const one of ['unified.csv', 'model.safetensors', 'model-head.safetensors']) {
    expect(readFileSync(join(at(name, 'net'), one)).equals(readFileSync(join(at(name, 'local'), one))), one).toBe(true)
  }
}

describe.skipIf(!hasBroker)('masked sums for a head over a broker', () => {
  it('give the bytes of one process', { timeout: 90_000 }, async () => {
    const file = experiment('same', { ...given, rounds: 3 })
    const { dir, join: joins, serve } = await federation()
    const owners = OWNERS.map((owner) => joins(owner, '--once'))
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) expect(await owner.ended).toMatchObject({ code: 0 })
    const local = await runBinary(['run', file, '--run-id', 'local', '--quiet', '--device', 'cpu'])
    expect([local.code, local.err]).toEqual([0, ''])
    for (const one of FILES) {
      expect(readFileSync(join(at('same', 'net'), one)).equals(readFileSync(join(at('same', 'local'), one))), one).toBe(true) // biome-ignore format: one line
    }
    expect(manifestOf(at('same', 'net')).masks).toEqual(manifestOf(at('same', 'local')).masks)
    const told = (id: string) => readText(at('same', id), 'disclosure.jsonl').split('\n').filter((line) => /"masked"|"key"|"statistics"/.test(line)).map((line) => ({ ...JSON.parse(line), run: '' })) // biome-ignore format: one line
    expect(told('net')).toEqual(told('local'))
    // Sums and a key more in rounds 2 and 3.
    const kinds = await sentBy(dir)
    const count = (kind: string) => kinds.filter((one) => one === kind).length
    expect([count('masked'), count('statistics'), count('key')]).toEqual([3, 2, 5])
  })

  it('bear an owner that is killed, and started again', { timeout: 90_000 }, async () => {
    const file = experiment('killed', { ...given, rounds: 3, 'evaluate-every': 1 })
    const { join: joins, serve } = await federation()
    const [alice] = OWNERS.map((owner) => joins(owner))
    const server = serve(file, '--run-id', 'net', '--quiet')
    // Then it hands in its update, joins the sums, or hands these in.
    await alice!.says(/round 2: trained/)
    alice!.child.kill('SIGKILL')
    await alice!.ended
    joins('alice')
    const { code, err } = await server.ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    await expectModelsOfLocal('killed', file)
  })

  it('bear a server that is killed while they are on their way', { timeout: 90_000 }, async () => {
    const file = experiment('anew', { ...given, rounds: 3, 'evaluate-every': 1 })
    const { dir, join: joins, serve } = await federation()
    joins('alice')
    joins('bob')
    // In round 2 carol's sums never come to this server.
    const carol = heldBefore('statistics', 2)
    await startAgent(dir, 'carol', data, carol.before)
    const server = serve(file, '--run-id', 'net', '--quiet')
    await carol.reached
    server.child.kill('SIGKILL')
    await server.ended
    carol.release()
    const { code, err } = await serve('--resume', at('anew', 'net'), '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    await expectModelsOfLocal('anew', file)
  })

  it('end before they are sent if a feature is beyond the range, and tell the server no value of it', {
    timeout: 60_000,
  }, async () => {
    const narrow = { masks: { 'head-range': 1 } }
    const file = experiment('range', { ...given, privacy: narrow, rounds: 1, lr: 1e-4, normalise: { std: 0.02 } })
    const { dir, join: joins, serve } = await federation()
    const [alice] = OWNERS.map((owner) => joins(owner))
    const { code, err } = await serve(file, '--run-id', 'net', '--quiet').ended
    expect(code).toBe(4)
    expect(err).toMatch(/^error: owner \w+: round 1: a feature has a larger mean square than masked sums for a head hold; nothing was sent\nhint: set privacy\.masks\.head-range to \d+, or lower the lr$/m) // biome-ignore format: one line
    await alice!.says(/a feature has a mean square of [\d.e+]+, but masked sums for a head hold 1 at most; nothing was/)
    expect(await sentBy(dir)).not.toContain('statistics')
  })

  it('are shown to an owner that only looks', { timeout: 60_000 }, async () => {
    const { join: joins, serve } = await federation()
    serve(experiment('shown', given), '--run-id', 'net')
    const { code, out } = await joins('alice', '--dry-run').ended
    expect(code).toBe(0)
    expect(out).toMatch(/one more key, and sums for head ridge\S* under masks, [\d,]+ bytes that tell nothing alone/)
    expect(out).toContain("The head's sums are masked too, by keys of their own")
  })
})

describe.skipIf(!hasBroker)('an owner with masks and a head, asked by an evil server', () => {
  const { model: layers } = resolveExperiment([objectSource({ model: SMALL_MODEL })])
  const model = buildModel(layers as never, [1, 12, 12], 4)
  const RUN = 'r'

  it('sends no sums without masks, with keys of an update, or of other owners', { timeout: 90_000 }, async () => {
    const fed = await federation()
    const server = await EvilServer.open(fed.dir)
    const alice = fed.join('alice')
    const sent = parse(readFileSync(experiment('sent', given), 'utf8'))
    const card = await server.ask(RUN, { what: 'invite', experiment: sent, asks: { metrics: false, labels: false }, committed: 0 }) // biome-ignore format: one line
    const images = (card as { train_images: number }).train_images
    const plot = new MaskedPlot(server, RUN)
    const others = await otherOwners(fed.dir, OWNERS.slice(1))
    const round: MaskedRound = { run: RUN, round: 2, attempt: 0, owners: [1, 2, 3].map((owner) => ({ owner, images })), of: 'head' } // biome-ignore format: one line
    const summarise = async (seed: number, masked?: object) => {
      const put = await server.put(RUN, initialWeights(model, seed, 1))
      return await plot.ask({ what: 'summarise', round: 2, attempt: 0, model: put, ...(masked && { masked }) })
    }
    expect(await summarise(1)).toMatchObject({
      code: 'E_OWNER_REFUSED',
      message: expect.stringContaining('is asked for its sums without masks, but the experiment has them'),
    })
    expect(await plot.join({ ...round, owners: round.owners.slice(0, 2) })).toMatchObject({
      message: expect.stringContaining('is sent a list of owners 1, 2, but this round is of 1, 2, 3'),
    })
    // Joined for the update alone, it has no secrets for the sums.
    await plot.key({ ...round, of: undefined })
    const own = await plot.key(round)
    const strangers = others.map((one) => ({ ...one, joined: { join() {} } as never }))
    const ofUpdate = joinedBy(strangers, { ...round, of: undefined }).map(({ key }) => key)
    expect(await summarise(1, { attempt: 0, keys: [own, ...ofUpdate], shares: null })).toMatchObject({
      code: 'E_PROTOCOL',
      message: expect.stringContaining('owner 2 has a key that it did not sign for this round'),
    })
    expect(await sentBy(fed.dir)).not.toContain('statistics')

    // With the right keys it answers, once: asked again with another model, it sends the very same words.
    const keys = [own, ...joinedBy(strangers, round).map(({ key }) => key)]
    const first = await summarise(1, { attempt: 0, keys, shares: null })
    expect(first).toMatchObject({ what: 'statistics', masked: idOf(round), payload: { dtype: 'uint64', modulus: 2 ** 64 } }) // biome-ignore format: one line
    const digest = (reply: object) => (reply as { payload: { sha256: string } }).payload.sha256
    expect(digest(await summarise(2, { attempt: 0, keys, shares: null }))).toBe(digest(first))
    // Neither later under another list, or for the same try.
    const images1 = round.owners.map((one) => (one.owner === 3 ? { owner: 3, images: 1 } : one))
    expect(await plot.join({ ...round, attempt: 1, owners: images1 })).toMatchObject({
      message: expect.stringContaining('is asked again with other owners'),
    })
    expect(await plot.join(round)).toMatchObject({ code: 'E_MASKS_LOST' })

    // As after a power cut: it knows what it has joined of either sum, but not its secrets.
    alice.child.kill('SIGKILL')
    await alice.ended
    await fed.join('alice').says('waiting for an experiment')
    const before = (of?: 'head') => plot.ask({ what: 'mask-before', round: 2, ...(of && { of }) })
    await plot.key({ ...round, of: undefined, attempt: 1 })
    expect([await before(), await before('head')]).toMatchObject([{ last: 1 }, { last: 0, owners: [1, 2, 3] }])
    expect(await summarise(1, { attempt: 0, keys, shares: null })).toMatchObject({ code: 'E_MASKS_LOST' })
    expect(await plot.key({ ...round, attempt: 1 })).toMatchObject({ owner: 1 })
  })
})
