import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Fence } from '../../../src/federation/nats/fence.ts'
import { SERVER } from '../../../src/federation/nats/streams.ts'
import { readServerFolder } from '../../../src/federation/setup/folders.ts'
import { hasBroker } from '../../support/broker.ts'
import { serverOf, standing } from '../../support/parties.ts'

it.skipIf(!hasBroker)('a server that leaves is not taken for one at work, whatever it was about to say', async () => {
  const fed = await standing()
  onTestFinished(() => fed.close())
  const { js, manager } = await serverOf(fed.dir, { streams: true })
  const { federation } = await readServerFolder(join(fed.dir, 'server'))
  const left = async () => {
    const message = await manager.direct.getMessage(SERVER, { last_by_subj: `server.${federation}` })
    return message?.json()
  }
  for (let turn = 0; turn < 20; turn++) {
    const run = `run ${turn}`
    const fence = new Fence(js, manager, { federation, run, signal: new AbortController().signal, note: () => {} })
    await fence.take()
    await Promise.allSettled([fence.renew(), fence.release(), fence.renew()])
    await fence.renew()
    expect(await left()).toMatchObject({ run, released: true })
  }
})
