import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TlsOptions } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ensureStreams, updatesOf } from '../../../src/federation/nats/streams.ts'
import { addOwner, removeOwner } from '../../../src/federation/setup/change.ts'
import { readOwnerFolder, readServerFolder } from '../../../src/federation/setup/folders.ts'
import { hasBroker } from '../../support/broker.ts'
import { fedunify } from '../../support/command-line.ts'
import { client, ownerOf, type Standing, serverOf, standing } from '../../support/parties.ts'

/** The certificate that a broker shows, by its serial number. */
async function shown(port: number, ca: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const checkServerIdentity = (_: string, { serialNumber }: { serialNumber: string }) => void resolve(serialNumber)
    const tls = { ca, checkServerIdentity } as TlsOptions
    connect({ servers: `tls://localhost:${port}`, tls, reconnect: false }).catch(reject)
  })
}

/** A federation whose broker runs until the test ends. */
async function running(owners: readonly string[]): Promise<Standing> {
  const fed = await standing(owners)
  onTestFinished(() => fed.close())
  return fed
}

describe.skipIf(!hasBroker)('a broker that reads its files again', () => {
  it('lets a new owner in, and those who are there go on', async () => {
    const { dir, broker } = await running(['alice'])
    const server = await serverOf(dir, { streams: true })
    const alice = await ownerOf(dir, 'alice')
    const consumer = await alice.js.consumers.get('TASKS', 'o1')
    // A request for a task that is under way meanwhile.
    const task = consumer.next({ expires: 10_000 })
    const { owner } = await addOwner(dir, 'carol')
    expect(owner).toBe(2)
    await expect(ownerOf(dir, 'carol')).rejects.toThrow(/authorization violation/i)
    await broker.reload()

    const carol = await ownerOf(dir, 'carol')
    await ensureStreams(server.manager, [1, 2])
    await server.js.publish('task.o2', 'first task of carol')
    expect((await (await carol.js.consumers.get('TASKS', 'o2')).next({ expires: 2000 }))?.string()).toMatch(/carol/)
    await carol.js.publish('upd.o2.r1.0', 'of carol')
    await expect(carol.js.publish('upd.o1.r1.0', 'of carol')).rejects.toThrow(/permissions violation/i)
    const heard = carol.connection.subscribe('live.server.o2', { max: 1 })
    await carol.connection.flush()
    server.connection.publish('live.server.o2', 'welcome')
    for await (const message of heard) expect(message.string()).toBe('welcome')
    await server.js.publish('task.o1', 'a task')
    expect((await task)?.string()).toBe('a task')
    await alice.js.publish('upd.o1.r1.0', 'of alice')
    expect([server, alice].map(({ connection }) => connection.isClosed())).toEqual([false, false])
  })

  it('cuts off an owner that is out, and gives its number to nobody', async () => {
    const { dir, broker } = await running(['alice', 'bob'])
    const server = await serverOf(dir, { streams: true })
    const alice = await ownerOf(dir, 'alice')
    const bob = await ownerOf(dir, 'bob')
    const folder = await readServerFolder(join(dir, 'server'))
    const seed = readFileSync(join(dir, 'owners', 'bob', 'owner.nk'), 'utf8').trim()
    await removeOwner(dir, 'bob')
    await broker.reload()
    await bob.connection.closed()
    await expect(client({ ...folder, seed })).rejects.toThrow(/authorization violation/i)
    expect(await addOwner(dir, 'bob')).toMatchObject({ owner: 3 })
    await broker.reload()
    await expect(client({ ...folder, seed })).rejects.toThrow(/authorization violation/i)
    await ensureStreams(server.manager, [1, 3])
    await (await ownerOf(dir, 'bob')).js.publish('upd.o3.r1.0', 'of the new bob')
    expect((await readServerFolder(join(dir, 'server'))).owners.map((one) => [one.owner, one.name])).toEqual([
      [1, 'alice'],
      [3, 'bob'],
    ])
    await alice.js.publish('upd.o1.r1.0', 'of alice')
    for (const owner of [1, 3]) {
      expect(await server.manager.streams.info(updatesOf(owner))).toMatchObject({ state: { messages: 1 } })
    }
  })

  it('has no owner left, and goes on', async () => {
    const { dir, broker } = await running(['alice'])
    const { url, ca, seed } = await readOwnerFolder(join(dir, 'owners', 'alice'))
    await removeOwner(dir, 'alice')
    await broker.reload()
    expect((await readServerFolder(join(dir, 'server'))).owners).toEqual([])
    await expect(client({ url, ca, seed })).rejects.toThrow(/authorization violation/i)
    const { manager } = await serverOf(dir, { streams: true })
    expect((await manager.streams.names().next()).length).toBeGreaterThan(0)
  })

  it('shows its new certificate, which the owners accept', async () => {
    const { dir, port, broker } = await running(['alice'])
    const alice = await ownerOf(dir, 'alice')
    const { ca } = await readServerFolder(join(dir, 'server'))
    const before = await shown(port, ca)
    const args = ['federation', 'renew', '--federation', dir, '--days', '99', '--pid', String(broker.pid)]
    expect(await fedunify(args)).toMatchObject({ code: 0, err: '' })
    await broker.says('Reloaded server configuration')
    expect(await shown(port, ca)).not.toBe(before)
    await ownerOf(dir, 'alice')
    await alice.connection.flush()
  })

  it('is found by the file in which it notes its process id', async () => {
    const { dir, broker } = await running(['alice'])
    const pid = join(dir, 'broker', 'nats-server.pid')
    const { code, out } = await fedunify(['federation', 'add', 'bob', '--federation', dir, '--pid', pid])
    expect(code).toBe(0)
    expect(out).toContain(`process ${broker.pid} was told to read its files again`)
    await broker.says(/(Reloaded server configuration.*){2}/s)
    await serverOf(dir, { streams: true })
    await (await ownerOf(dir, 'bob')).js.publish('upd.o2.r1.0', 'of bob')
  })

  it('has what it stored after a kill, and nothing after its store was deleted', async () => {
    const { dir, broker } = await running(['alice'])
    await (await serverOf(dir, { streams: true })).js.publish('model.r1.0', 'the model')
    const { pid } = broker
    await broker.kill()
    await broker.restart()
    expect(broker.pid).not.toBe(pid)
    expect(await (await serverOf(dir)).manager.streams.info('MODELS')).toMatchObject({ state: { messages: 1 } })
    await broker.wipe()
    await broker.restart()
    await expect((await serverOf(dir)).manager.streams.info('MODELS')).rejects.toThrow(/stream not found/)
  })
})
