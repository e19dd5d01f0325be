import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadOwnData } from '../../../src/data/load-dataset.ts'
import { hasBroker } from '../../support/broker.ts'
import { workshop } from '../../support/experiment.ts'
import { startFederation } from '../../support/federation.ts'
import { serverOf } from '../../support/parties.ts'

const { experiment, folder } = workshop()
const data = join(folder, 'idx')

/** A dataset's images that are in some bytes, as they are or as text in base64. */
async function imagesIn(bytes: Buffer): Promise<number> {
  const { images, count, shape } = await loadOwnData('idx', data)
  const size = shape.reduce((product, n) => product * n, 1)
  let found = 0
  for (let i = 0; i < count; i++) {
    const piece = Buffer.from(images.slice(i * size, (i + 1) * size))
    // What base64 makes of bytes depends on where they begin.
    const texts = [0, 1, 2].map((skip) => piece.subarray(skip).toString('base64').slice(0, -4))
    if (bytes.includes(piece) || texts.some((text) => bytes.includes(text))) found++
  }
  return found
}

describe.skipIf(!hasBroker)('all that passes through a broker in a run', () => {
  it('holds no image of an owner', { timeout: 60_000 }, async () => {
    const { dir, join: joins, serve } = await startFederation(['alice', 'bob'], data)
    const { connection } = await serverOf(dir)
    const passed: { subject: string; data: Uint8Array }[] = []
    connection.subscribe('>', { callback: (_, { subject, data: bytes }) => void passed.push({ subject, data: bytes }) })
    await connection.flush()
    const owners = [joins('alice', '--once'), joins('bob', '--once')]
    const { code, err } = await serve(experiment('watched', { env: 'H' }), '--quiet').ended
    expect([code, err]).toEqual([0, expect.not.stringContaining('error')])
    for (const owner of owners) await owner.ended
    const starts = new Set(passed.map(({ subject }) => subject.split('.')[0]))
    for (const start of ['task', 'model', 'upd', 'done', 'live', 'server']) expect(starts).toContain(start)
    expect(await imagesIn(Buffer.concat(passed.map(({ data: bytes }) => bytes)))).toBe(0)
  })

  it('would be found out if it did', async () => {
    const { images } = await loadOwnData('idx', data)
    const two = Buffer.from(images.slice(0, 288))
    expect(await imagesIn(Buffer.concat([Buffer.from('x'), two]))).toBe(2)
    expect(await imagesIn(Buffer.from(Buffer.concat([Buffer.from('xy'), two]).toString('base64')))).toBe(2)
  })
})
