import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { runBinary } from '../../support/binary.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { reachBy, slowNetwork } from '../../support/slow-network.ts'

const { experiment, folder } = workshop()
const FILES = ['local.csv', 'unified.csv', 'table.csv', 'model.safetensors', 'model.onnx']
const file = (id: string, name: string) => readFileSync(join(folder, 'results', 'slow', id, name))

/** 600 kB: it takes longer on the line than a request may take elsewhere. */
const MODEL = [{ type: 'flatten' }, { type: 'dense', units: 1000 }, { type: 'dense', units: 4 }]
const LINE = { delay: 150, jitter: 50, bytesPerSecond: 250_000 }

describe.skipIf(!hasBroker)('a line of 2 Mbit/s and a third of a second', () => {
  it('that is cut while a model is under way costs time, and no byte', { timeout: 180_000 }, async () => {
    const asked = experiment('slow', { env: 'H', rounds: 1, model: MODEL })
    const fed = await startFederation(['alice', 'bob'], join(folder, 'idx'))
    const port = Number(new URL(fed.broker.url).port)
    const [ofServer, ofAlice] = [await slowNetwork(port, { ...LINE, seed: 3 }), await slowNetwork(port, LINE)]
    reachBy(join(fed.dir, 'server'), ofServer.port)
    reachBy(join(fed.dir, 'owners', 'alice'), ofAlice.port)
    const alice = fed.join('alice', '--once')
    fed.join('bob', '--once')
    const server = fed.serve(asked, '--run-id', 'net')
    for (const [line, who] of [
      [ofServer, server],
      [ofAlice, alice],
    ] as const) {
      // Its model, or its update.
      while (line.sent < 200_000 && who.child.exitCode === null) await sleep(10)
      line.cut()
      await sleep(700)
      line.heal()
    }
    expect(await server.ended).toMatchObject({ code: 0 })
    expect((await alice.ended).err).toContain('lost the broker')
    const { code } = await runBinary(['run', asked, '--run-id', 'local', '--quiet', '--device', 'cpu'])
    expect(code).toBe(0)
    for (const name of FILES) expect(file('net', name).equals(file('local', name)), name).toBe(true)
  })
})
