import { join } from 'node:path'
import { type ConnectionOptions, connect, type Msg, type NKeyAuth, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { updatesOf } from '../../../src/federation/nats/streams.ts'
import { readOwnerFolder, readServerFolder } from '../../../src/federation/setup/folders.ts'
import { initFederation } from '../../../src/federation/setup/init.ts'
import { newSeed } from '../../../src/federation/setup/keys.ts'
import { hasBroker } from '../../support/broker.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { client, ownerOf, type Server, type Standing, serverOf, standing } from '../../support/parties.ts'

const SECRET = 'weights of bob'
/** Where bob's update, his report and the model are. */
const [UPDATE, MODEL] = ['upd.o2.r1.0', 'model.r1.0']
const OF_BOB = updatesOf(2)

let fed: Standing

beforeAll(async () => {
  if (hasBroker) fed = await standing()
})
afterAll(() => fed?.close())

/** The server, with its streams anew: a model, a task for each owner, and what bob handed in. */
async function scene(): Promise<Server> {
  const server = await serverOf(fed.dir)
  for await (const { config } of server.manager.streams.list()) await server.manager.streams.delete(config.name)
  const again = await serverOf(fed.dir, { streams: true })
  const messages = { [MODEL]: 'the model', 'task.o1': 'a task', 'task.o2': 'a task of bob' }
  const ofBob = { [UPDATE]: SECRET, 'done.o2': 'done by bob' }
  for (const [subject, text] of Object.entries({ ...messages, ...ofBob })) await again.js.publish(subject, text)
  return again
}

const lastOf = async ({ manager }: Server, stream: string, subject: string) =>
  (await manager.direct.getMessage(stream, { last_by_subj: subject }))?.string()

describe.skipIf(!hasBroker)('an owner', () => {
  it('takes a task, keeps it, and is believed that it is done', async () => {
    const server = await scene()
    const alice = await ownerOf(fed.dir, 'alice')
    const consumer = await alice.js.consumers.get('TASKS', 'o1')
    const task = await consumer.next({ expires: 2000 })
    expect(task?.string()).toBe('a task')
    task!.working()
    expect(await task!.ackAck()).toBe(true)
    expect(await server.manager.consumers.info('TASKS', 'o1')).toMatchObject({ num_ack_pending: 0, num_pending: 0 })
    expect(await server.manager.consumers.info('TASKS', 'o2')).toMatchObject({ num_pending: 1 })
  })

  it('takes tasks as they come', async () => {
    const server = await scene()
    const alice = await ownerOf(fed.dir, 'alice')
    const messages = await (await alice.js.consumers.get('TASKS', 'o1')).consume({ max_messages: 1 })
    const seen: string[] = []
    for await (const message of messages) {
      seen.push(message.string())
      message.ack()
      if (seen.length === 4) break
      await server.js.publish('task.o1', `task ${seen.length}`)
    }
    expect(seen).toEqual(['a task', 'task 1', 'task 2', 'task 3'])
  })

  it('reads the model, hands in an update and says so', async () => {
    const server = await scene()
    const alice = await ownerOf(fed.dir, 'alice')
    expect(await lastOf(alice, 'MODELS', MODEL)).toBe('the model')
    expect(await lastOf(alice, 'MODELS', 'model.none')).toBeUndefined()
    const piece = new Uint8Array(1024 * 1024).fill(7)
    expect(await alice.js.publish('upd.o1.r1.0', piece)).toMatchObject({ stream: updatesOf(1) })
    expect(await alice.js.publish('done.o1', 'done')).toMatchObject({ stream: 'DONE' })
    const kept = await server.manager.direct.getMessage(updatesOf(1), { last_by_subj: 'upd.o1.r1.0' })
    expect(Buffer.from(kept!.data).equals(piece)).toBe(true)
  })

  it('is heard at once, and hears the server', async () => {
    const server = await serverOf(fed.dir)
    const alice = await ownerOf(fed.dir, 'alice')
    const heard: string[] = []
    const hear = (_: unknown, message: Msg) => void heard.push(`${message.subject}: ${message.string()}`)
    server.connection.subscribe('live.*', { callback: hear })
    alice.connection.subscribe('live.server.o1', { callback: hear })
    await server.connection.flush()
    await alice.connection.flush()
    alice.connection.publish('live.o1', 'epoch 1')
    server.connection.publish('live.server.o1', 'are you there?')
    server.connection.publish('live.server.o2', 'not for alice')
    await expect.poll(() => heard.sort()).toEqual(['live.o1: epoch 1', 'live.server.o1: are you there?'])
  })
})

describe.skipIf(!hasBroker)('an owner cannot', () => {
  it.each([
    ['>'],
    ['upd.>'],
    ['upd.o2.>'],
    ['done.*'],
    ['model.>'],
    ['live.*'],
    ['live.server.o2'],
    ['_INBOX.>'],
    ['_INBOX_o2.>'],
    ['FED.API.>'],
    ['$JS.>'],
    ['$SYS.>'],
  ])('listen to %s', async (subject) => {
    const { connection } = await ownerOf(fed.dir, 'alice')
    await expect(connection.subscribe(subject, { callback() {} }).closed).resolves.toMatchObject({
      message: expect.stringMatching(/permissions violation/i),
    })
  })

  it.each([
    [UPDATE],
    ['done.o2'],
    ['live.o2'],
    [MODEL],
    ['task.o1'],
    ['task.o2'],
    ['FED.API.INFO'],
    ['FED.API.DIRECT.GET.MODELS'],
    [`FED.API.DIRECT.GET.${OF_BOB}.${UPDATE}`],
    [`FED.API.DIRECT.GET.${OF_BOB}`],
    [`FED.API.STREAM.MSG.GET.${OF_BOB}`],
    [`FED.API.STREAM.INFO.${OF_BOB}`],
    [`FED.API.STREAM.PURGE.${OF_BOB}`],
    [`FED.API.STREAM.PURGE.${updatesOf(1)}`],
    ['FED.API.DIRECT.GET.SERVER'],
    ['FED.API.DIRECT.GET.SERVER.server.x'],
    ['server.x'],
    ['FED.API.STREAM.DELETE.MODELS'],
    ['FED.API.STREAM.CREATE.MINE'],
    [`FED.API.CONSUMER.CREATE.${OF_BOB}`],
    ['FED.API.CONSUMER.DURABLE.CREATE.TASKS.o1'],
    ['FED.API.CONSUMER.DELETE.TASKS.o1'],
    ['FED.API.CONSUMER.INFO.TASKS.o2'],
    ['FED.API.CONSUMER.MSG.NEXT.TASKS.o2'],
    ['$JS.ACK.TASKS.o2.1.2.1.1700000000000000000.0'],
    [`$JS.API.DIRECT.GET.${OF_BOB}.${UPDATE}`],
    [`$JS.API.STREAM.DELETE.${OF_BOB}`],
    ['$JS.API.CONSUMER.MSG.NEXT.TASKS.o1'],
    ['$SYS.REQ.SERVER.PING'],
  ])('ask or tell %s anything', async (subject) => {
    const server = await scene()
    const { connection } = await ownerOf(fed.dir, 'alice')
    const asked = connection.request(subject, JSON.stringify({ last_by_subj: UPDATE }), { timeout: 1000 })
    await expect(asked).rejects.toThrow(/permissions violation/i)
    expect(await lastOf(server, OF_BOB, UPDATE)).toBe(SECRET)
    expect(await lastOf(server, 'DONE', 'done.o2')).toBe('done by bob')
    expect(await lastOf(server, 'MODELS', MODEL)).toBe('the model')
    expect(await server.manager.streams.info('TASKS')).toMatchObject({ state: { messages: 2 } })
  })

  // In one account for all, the broker's own answer overwrites what bob handed in.
  it.each([
    ['upd.o1.r1.0'],
    ['done.o1'],
    [`FED.API.DIRECT.GET.MODELS.${MODEL}`],
    ['FED.API.CONSUMER.INFO.TASKS.o1'],
    ['FED.API.CONSUMER.MSG.NEXT.TASKS.o1'],
    ['live.o1'],
  ])('have the answer to %s written where bob writes', async (subject) => {
    const server = await scene()
    const { connection } = await ownerOf(fed.dir, 'alice')
    for (const reply of [UPDATE, 'done.o2', MODEL, 'task.o2', `$JS.API.STREAM.DELETE.${OF_BOB}`]) {
      connection.publish(subject, 'forged', { reply })
    }
    await connection.flush()
    // The broker does as it is told in the order in which it is told: what comes after has had its effect last.
    await server.js.publish('task.o1', 'after')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await lastOf(server, OF_BOB, UPDATE)).toBe(SECRET)
    expect(await lastOf(server, 'DONE', 'done.o2')).toBe('done by bob')
    expect(await lastOf(server, 'MODELS', MODEL)).toBe('the model')
    const tasks = [await lastOf(server, 'TASKS', 'task.o1'), await lastOf(server, 'TASKS', 'task.o2')]
    expect(tasks).toEqual(['after', 'a task of bob'])
    expect(await server.manager.streams.info('TASKS')).toMatchObject({ state: { messages: 2 } })
    expect(await server.manager.streams.info(OF_BOB)).toMatchObject({ state: { messages: 1 } })
    expect(await server.manager.streams.info(updatesOf(1))).toMatchObject({
      state: { messages: subject.startsWith('upd') ? 1 : 0 },
    })
  })

  it('take all connections or subscriptions of the broker', async () => {
    const folder = await readOwnerFolder(join(fed.dir, 'owners', 'alice'))
    const all = await Promise.allSettled(Array.from({ length: 12 }, () => client(folder)))
    expect(all.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(4)
    const bob = await ownerOf(fed.dir, 'bob')
    for (let i = 0; i < 150; i++) bob.connection.subscribe(`_INBOX_o2.${i}`, { callback() {} })
    for await (const status of bob.connection.status()) {
      if (status.type === 'error') {
        expect(status.error.message).toBe('maximum subscriptions exceeded')
        break
      }
    }
    await serverOf(fed.dir)
  })
})

describe.skipIf(!hasBroker)('the broker refuses', () => {
  const connecting = { reconnect: false, timeout: 3000 } as const

  it('a key that it does not know', async () => {
    const alice = await readOwnerFolder(join(fed.dir, 'owners', 'alice'))
    await expect(client({ ...alice, seed: newSeed() })).rejects.toThrow(/authorization violation/i)
  })

  it('who has no key, and who names the key of another', async () => {
    const { url, ca } = await readOwnerFolder(join(fed.dir, 'owners', 'alice'))
    await expect(connect({ servers: url, tls: { ca }, ...connecting })).rejects.toThrow(/authorization violation/i)
    const { publicKey } = await readServerFolder(join(fed.dir, 'server'))
    const forged = nkeyAuthenticator(new TextEncoder().encode(newSeed()))
    const lying = (nonce?: string) => ({ ...(forged(nonce) as NKeyAuth), nkey: publicKey })
    const asServer = { servers: url, tls: { ca }, authenticator: lying, ...connecting }
    await expect(connect(asServer)).rejects.toThrow(/authorization violation/i)
  })

  it('the key of another federation, whose owner refuses its certificate in turn', async () => {
    const alice = await readOwnerFolder(join(fed.dir, 'owners', 'alice'))
    const other = join(temporaryFolder(), 'fed')
    await initFederation(other, { owners: ['alice'], hosts: ['localhost'], port: fed.port, days: 30 })
    const stranger = await readOwnerFolder(join(other, 'owners', 'alice'))
    await expect(client(stranger)).rejects.toThrow(/certificate/i)
    await expect(client({ ...stranger, ca: alice.ca })).rejects.toThrow(/authorization violation/i)
  })
})

describe.skipIf(!hasBroker)('an owner refuses a broker', () => {
  it('whose certificate nobody vouches for, or that goes by another name', async () => {
    const alice = await readOwnerFolder(join(fed.dir, 'owners', 'alice'))
    await client({ ...alice, url: `tls://127.0.0.1:${fed.port}` })
    await expect(connect({ servers: alice.url, reconnect: false, timeout: 3000 })).rejects.toThrow(/certificate/i)
    const named = { ca: alice.ca, servername: 'broker.example.org' }
    await expect(client(alice, { tls: named } as ConnectionOptions)).rejects.toThrow(/altnames|certificate/i)
  })
})
