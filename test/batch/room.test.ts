import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newToken } from '../../src/batch/remote/queue.ts'
import { BLOBS, ensureQueue } from '../../src/batch/remote/streams.ts'
import { hasBroker } from '../support/broker.ts'
import { queueBroker } from '../support/queue.ts'

async function managerOf(url: string) {
  const connection = await connect({ servers: url })
  onTestFinished(() => connection.close())
  return await jetstreamManager(connection)
}

describe.skipIf(!hasBroker)('the room of a queue', { timeout: 30_000 }, () => {
  test('is given back: what runs had on the broker is not counted as in use any more', async () => {
    const { url, open } = await queueBroker()
    const [queue, jsm] = [await open(), await managerOf(url)]
    const signal = AbortSignal.timeout(20_000)
    const kept = await queue.putBlob('another', 'job', new Uint8Array(1000), signal)
    const used: number[] = []
    for (const key of ['one', 'two', 'three', 'four']) {
      await queue.putBlob(key, 'job', new Uint8Array(1000), signal)
      let before: string | undefined
      for (let save = 0; save < 2; save++) {
        const set = newToken()
        await queue.putBlob(key, set, new Uint8Array(1_500_000), signal)
        if (before) await queue.dropBlobs(key, before, signal)
        before = set
      }
      await queue.forget(key, signal)
      used.push((await jsm.getAccountInfo()).storage)
    }
    for (const bytes of used) expect(bytes).toBeLessThan(10_000)
    expect(await queue.getBlob('another', 'job', kept, 'a rule', signal)).toHaveLength(1000)
  })

  test('has the limits of this version, though an earlier one made its streams', async () => {
    const { url } = await queueBroker()
    const jsm = await managerOf(url)
    await jsm.streams.add({ name: BLOBS, subjects: ['fedunify.blob.>'], max_age: 1e9 * 60, max_bytes: 1000 })
    await ensureQueue(jsm)
    expect((await jsm.streams.info(BLOBS)).config).toMatchObject({ max_msgs_per_subject: 1, max_age: 2592e12 })
  })
})
