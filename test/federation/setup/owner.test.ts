import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, nkeyAuthenticator } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { readOwnerFolder, readServerFolder } from '../../../src/federation/setup/folders.ts'
import { initFederation } from '../../../src/federation/setup/init.ts'
import { freePort, startBroker } from '../../support/broker.ts'
import { temporaryFolder } from '../../support/folder.ts'

it('takes a task with what its folder holds', async () => {
  const dir = join(temporaryFolder(), 'fed')
  const port = await freePort()
  await initFederation(dir, { owners: ['alice', 'bob'], hosts: ['localhost'], port, days: 5 })
  const broker = await startBroker(join(dir, 'broker'), { port })
  const s = await readServerFolder(join(dir, 'server'))
  const o = await readOwnerFolder(join(dir, 'owners', 'alice'))
  const sc = await connect({
    servers: s.url,
    tls: { ca: s.ca },
    authenticator: nkeyAuthenticator(new TextEncoder().encode(s.seed)),
  })
  const m = await jetstreamManager(sc)
  await m.streams.add({ name: 'TASKS', subjects: ['task.*'] })
  await m.streams.add({ name: 'MODELS', subjects: ['model.>'], allow_direct: true })
  await m.consumers.add('TASKS', { durable_name: 'o1', filter_subject: 'task.o1', ack_policy: 'explicit' })
  const oc = await connect({
    servers: o.url,
    tls: { ca: o.ca },
    inboxPrefix: '_INBOX_o1',
    authenticator: nkeyAuthenticator(new TextEncoder().encode(o.seed)),
  })
  await jetstream(sc).publish('task.o1', 'hi')
  const c = await jetstream(oc, { apiPrefix: 'FED.API' }).consumers.get('TASKS', 'o1')
  const msg = await c.next()
  expect(msg!.string()).toBe('hi')
  expect(await msg!.ackAck()).toBe(true)
  await oc.close()
  await sc.close()
  await broker.stop()
})
