import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { FedunifyError } from '../../errors.ts'
import { type Config, ensureStream } from '../../federation/nats/ensure-stream.ts'

export const JOBS = 'FEDUNIFY_JOBS'
export const RUNS = 'FEDUNIFY_RUNS'
export const BLOBS = 'FEDUNIFY_BLOBS'
export const WORKERS = 'workers'

/** Milliseconds after which a job goes to another worker if its own shows no sign of life. */
export const ACK_WAIT = 10_000
/** Files that nobody fetches are kept so long, as of a batch that was given up. */
const KEPT = nanos(30 * 24 * 3600 * 1000)

/**
 * Makes what is missing of the queue. The broker may lose its store: nothing is in it that cannot be put there again,
 * or done again.
 */
export async function ensureQueue(jsm: JetStreamManager): Promise<void> {
  const common = { storage: 'file', num_replicas: 1 } as const
  const last = { ...common, max_msgs_per_subject: 1, allow_direct: true }
  const streams: Config[] = [
    { name: JOBS, subjects: ['fedunify.job.*'], retention: 'workqueue', ...common },
    { name: RUNS, subjects: ['fedunify.state.*', 'fedunify.result.*'], ...last },
    { name: BLOBS, subjects: ['fedunify.blob.>'], ...last, max_age: KEPT },
  ]
  for (const config of streams) await ensureStream(jsm, config)
  await jsm.consumers.info(JOBS, WORKERS).catch(() =>
    jsm.consumers.add(JOBS, {
      durable_name: WORKERS,
      ack_policy: 'explicit',
      ack_wait: nanos(ACK_WAIT),
      max_ack_pending: 100_000,
      max_deliver: -1,
    }),
  )
}

/** Milliseconds in which a broker that has just started has begun to keep things. */
const READY = 4000

/**
 * What asks the broker, once the queue is there.
 * @throws FedunifyError (usage) if the broker keeps nothing
 */
export async function openManager(connection: NatsConnection, signal: AbortSignal): Promise<JetStreamManager> {
  const began = performance.now()
  for (;;) {
    signal.throwIfAborted()
    try {
      const jsm = await jetstreamManager(connection, { timeout: 5000 })
      await ensureQueue(jsm)
      return jsm
    } catch (error) {
      // One that has just started may not be ready for it.
      if (performance.now() - began > READY && !connection.info?.jetstream) {
        throw new FedunifyError('E_BROKER', 'the broker has no JetStream', 'start it with: nats-server -js -sd DIR')
      }
      if (error instanceof FedunifyError || /permission|authorization/i.test(String(error))) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}
