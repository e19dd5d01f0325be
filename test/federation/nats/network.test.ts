import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stream } from '../../../src/random.ts'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { hasCables, layCables } from '../../support/namespaces.ts'

const { experiment, folder } = workshop()
const PARTIES = ['broker', 'server', 'alice', 'bob']
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors', 'model.onnx']
const file = (id: string, name: string) => readFileSync(join(folder, 'results', 'network', id, name))

describe.skipIf(!hasBroker || !hasCables)('parties on machines of their own', () => {
  it('give the bytes of a quiet run while cables are cut and healed, and slow', { timeout: 60_000 }, async () => {
    const cables = layCables(PARTIES)
    onTestFinished(() => cables.close())
    const asked = experiment('network', { env: 'H', rounds: 70, 'local-epochs': 2, server: 'avgm' })
    const fed = await startFederation(['alice', 'bob'], join(folder, 'idx'), cables)
    for (const name of ['alice', 'bob']) fed.join(name, '--once')
    const server = fed.serve(asked, '--run-id', 'net')
    if (!cables.delay('bob', 15)) console.warn('no tc netem here: cables are cut, and none is slow')
    await server.says(/round +2\/70/)
    const random = stream(5, 'shuffle')
    for (const name of ['alice', 'server', 'bob', 'broker', 'alice']) {
      cables.cut(name)
      await sleep(500 + 1500 * random.uniform())
      cables.heal(name)
      await sleep(1000 * random.uniform())
    }
    expect(server.child.exitCode, 'it has ended before the cables were cut').toBeNull()
    expect(await server.ended).toMatchObject({ code: 0 })
    const { code } = await runBinary(['run', asked, '--run-id', 'local', '--quiet', '--device', 'cpu'])
    expect(code).toBe(0)
    for (const name of FILES) expect(file('net', name).equals(file('local', name)), name).toBe(true)
  })
})
