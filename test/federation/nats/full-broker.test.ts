import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { serverOf } from '../../support/parties.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')
const file = (id: string, name: string) => readFileSync(join(folder, 'results', 'full', id, name))

describe.skipIf(!hasBroker)('a broker that has no room', () => {
  it('is waited for by the server and the owners, who say so, and the run ends with the bytes of a local one', {
    timeout: 120_000,
  }, async () => {
    const { dir, broker, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    await limit(dir, 90)
    await broker.restart()
    const { js, manager } = await serverOf(dir)
    const asked = experiment('full', { env: 'H', rounds: 25, 'local-epochs': 2 })
    const [alice] = [joins('alice', '--once'), joins('bob', '--once')]
    const server = serve(asked, '--run-id', 'net')
    await server.says(/round +2\/25/)
    await manager.streams.add({ name: 'FILL', subjects: ['fill'] })
    const piece = new Uint8Array(7_000_000)
    await expect(fill(() => js.publish('fill', piece))).rejects.toThrow(/insufficient|exceeded|resource/)
    await server.says(/the broker has no room left \(.*\): waiting\. Give it more disk, or raise max_file_store/)
    await manager.streams.delete('FILL')
    await server.says('the broker has room again')
    expect(await server.ended).toMatchObject({ code: 0 })
    expect(await alice!.ended).toMatchObject({ code: 0 })
    const { code } = await runBinary(['run', asked, '--run-id', 'local', '--quiet', '--device', 'cpu'])
    expect(code).toBe(0)
    for (const name of ['unified.csv', 'model.safetensors'])
      expect(file('net', name).equals(file('local', name))).toBe(true)
  })

  it('for the updates of a model ends the server with what to do', { timeout: 30_000 }, async () => {
    const { dir, broker, serve } = await startFederation(['alice', 'bob'], data)
    await limit(dir, 1)
    await broker.restart()
    const { code, err } = await serve(experiment('none'), '--quiet').ended
    expect([code, err]).toEqual([2, expect.stringContaining('error: the broker has no room for updates: ')])
    expect(err).toContain('hint: give it more disk, or raise max_file_store in its nats.conf')
  })
})

async function limit(dir: string, megabytes: number): Promise<void> {
  const conf = join(dir, 'broker', 'nats.conf')
  const text = readFileSync(conf, 'utf8')
  writeFileSync(conf, text.replace('max_memory_store', `max_file_store: ${megabytes}MB\n  max_memory_store`))
}

async function fill(put: () => Promise<unknown>): Promise<void> {
  for (let times = 0; times < 100; times++) await put()
}
