import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelRef } from '../../../src/federation/cohort.ts'
import { Gate } from '../../../src/federation/nats/gate.ts'
import { liveReader } from '../../../src/federation/nats/live.ts'
import { PublishedModels } from '../../../src/federation/nats/published-models.ts'
import type { ServerPost } from '../../../src/federation/nats/server-post.ts'
import { DONE, ensureStreams, MODELS, updatesOf } from '../../../src/federation/nats/streams.ts'
import { CHUNK, ownerIn } from '../../../src/federation/nats/wire.ts'
import type { Weights } from '../../../src/weights/weights.ts'
import { hasBroker } from '../../support/broker.ts'
import { ownerOf, type Standing, serverOf, standing } from '../../support/parties.ts'

describe.skipIf(!hasBroker)('what an owner can put into the broker', () => {
  let fed: Standing
  beforeAll(async () => {
    fed = await standing()
  })
  afterAll(() => fed.close())

  it('is bounded, and takes no room from another', { timeout: 30_000 }, async () => {
    const { manager } = await serverOf(fed.dir)
    await ensureStreams(manager, [1, 2], 100_000)
    const [alice, bob] = [await ownerOf(fed.dir, 'alice'), await ownerOf(fed.dir, 'bob')]
    await alice.js.publish('upd.o1.r.u.0', 'the update of alice')
    await alice.js.publish('done.o1', 'the word of alice')
    for (let i = 0; i < 30; i++) await bob.js.publish(`upd.o2.r.${i}.0`, new Uint8Array(CHUNK).fill(i))
    for (let i = 0; i < 3000; i++) bob.connection.publish(`upd.o2.s.${i}.0`, 'x')
    await bob.connection.flush()
    expect((await manager.streams.info(updatesOf(1))).state.messages).toBe(1)
    const { state } = await manager.streams.info(updatesOf(2))
    expect(state.bytes).toBeLessThan(5 * CHUNK)
    expect(state.messages).toBeLessThan(1100)
    // Its own newest is there: an owner that was killed again and again must be able to go on.
    await bob.js.publish('upd.o2.r.u.0', 'the update of bob')
    const last = await manager.direct.getMessage(updatesOf(2), { last_by_subj: 'upd.o2.r.u.0' })
    expect(last?.string()).toBe('the update of bob')
  })

  it('is no larger than a piece of weights, or a message', async () => {
    const { manager } = await serverOf(fed.dir)
    await ensureStreams(manager, [1, 2])
    const bob = await ownerOf(fed.dir, 'bob')
    await expect(bob.js.publish('upd.o2.r.u.0', new Uint8Array(2 * CHUNK))).rejects.toThrow(/maximum|exceed/)
    expect(bob.connection.info?.max_payload).toBe(2_200_000)
  })

  it("empties no stream that holds others' words", async () => {
    const { manager } = await serverOf(fed.dir)
    await ensureStreams(manager, [1, 2])
    const bob = await ownerOf(fed.dir, 'bob')
    const all = headers()
    all.set('Nats-Rollup', 'all')
    await expect(bob.js.publish('done.o2', 'x', { headers: all })).rejects.toThrow(/rollup/)
    expect((await manager.direct.getMessage(DONE, { last_by_subj: 'done.o1' }))?.string()).toBe('the word of alice')
  })

  it('grows with the model, and what is there stays', async () => {
    const { manager } = await serverOf(fed.dir)
    await ensureStreams(manager, [1, 2], 50e6)
    expect((await manager.streams.info(updatesOf(2))).config.max_bytes).toBeGreaterThan(100e6)
    expect((await manager.direct.getMessage(updatesOf(1), { last_by_subj: 'upd.o1.r.u.0' }))?.string()).toMatch(/alice/)
    await expect(ensureStreams(manager, [1, 2], 1e15)).rejects.toMatchObject({ code: 'E_BROKER' })
  })
})

describe.skipIf(!hasBroker)('what a run leaves at the broker', () => {
  let fed: Standing
  beforeAll(async () => {
    fed = await standing()
  })
  afterAll(() => fed.close())

  it('is the model in use; the broker counts nothing else as in use', { timeout: 30_000 }, async () => {
    const { manager, js } = await serverOf(fed.dir)
    await ensureStreams(manager, [1, 2])
    const signal = AbortSignal.timeout(20_000)
    const models = new PublishedModels({ js, jsm: manager, settings: { signal } } as ServerPost, 'run')
    const weights: Weights = new Map([['w', { shape: [600_000], data: new Float32Array(600_000) }]])
    let last: ModelRef | undefined
    for (let round = 0; round < 5; round++) {
      last = (await models.publish(weights)).ref
      await models.putExtra(new Uint8Array(1000), signal)
      await models.keepOnly([last])
      expect((await manager.streams.info(MODELS)).state.messages, `round ${round}`).toBe(4)
    }
    const { state } = await manager.streams.info(MODELS)
    const { chunks, bytes } = models.payload(last!)
    expect([state.messages, chunks]).toEqual([chunks + 1, 3]) // with what went along with it
    expect(state.bytes).toBeLessThan(bytes + 10_000)
    const { storage } = await manager.getAccountInfo()
    expect(storage).toBeLessThan(bytes + 10_000)
    await models.keepOnly([])
    expect((await manager.getAccountInfo()).storage).toBeLessThan(10_000)
  })
})

describe('a gate', () => {
  it('reads so many messages of an owner in a second, and says so many lines of it', () => {
    const said: string[] = []
    const gate = new Gate((line) => said.push(line))
    const let1 = Array.from({ length: 1000 }, () => gate.lets(1)).filter(Boolean)
    expect([let1.length, gate.lets(2)]).toEqual([50, true])
    for (let i = 0; i < 1000; i++) gate.say(1, 'ann', `line ${i}`)
    gate.say(2, 'bob', 'line')
    expect(said).toHaveLength(12)
    expect(said.slice(9)).toEqual([
      'line 9',
      'more of owner ann was refused; no more of it is shown for a minute',
      'line',
    ])
  })
})

describe('a sign of life', () => {
  const told = (owner: unknown) => Buffer.from(JSON.stringify({ run: 'r', owner, round: 1, progress: null }))

  it('is taken from whose subject it comes on', () => {
    const read = liveReader()
    expect(read('live.o1', told(1))).toMatchObject({ owner: 1 })
    expect([read('live.o2', told(1)), read('live.o2', told('2')), read('live.server.o1', told(1))]).toEqual(
      Array(3).fill(undefined),
    )
    expect(read('live.o1', Buffer.alloc(20_000, ' '))).toBeUndefined()
    expect(['live.o01', 'live.o0', 'live.o1.x', 'live.o-1', 'live.o', 'done.o12'].map(ownerIn)).toEqual([
      ...Array(5).fill(undefined),
      12,
    ])
  })
})
