import type { JetStreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { ownerToken } from './wire.ts'

export const TASKS = 'TASKS'
export const MODELS = 'MODELS'
export const UPDATES = 'UPDATES'
export const DONE = 'DONE'
export const SERVER = 'SERVER'

/** Milliseconds after which a task goes to an owner again if it shows no sign of life. */
export const ACK_WAIT = 3000

const DAY = nanos(24 * 3600 * 1000)
const LAST = { allow_direct: true, max_msgs_per_subject: 1, storage: 'file', num_replicas: 1 } as const

/**
 * The streams that a federation needs, each as a table of the last message of every subject. The broker may lose them:
 * nothing is in them that the server or an owner does not have on its own disk, so they are made again.
 */
export async function ensureStreams(jsm: JetStreamManager, owners: readonly number[]): Promise<void> {
  const streams = [
    { name: TASKS, subjects: ['task.*'], ...LAST },
    { name: MODELS, subjects: ['model.>'], ...LAST, max_age: DAY },
    { name: UPDATES, subjects: ['upd.*.>'], ...LAST, max_age: DAY },
    { name: DONE, subjects: ['done.*'], ...LAST },
    { name: SERVER, subjects: ['server.*'], ...LAST },
  ]
  for (const config of streams) {
    await jsm.streams.info(config.name).catch(() => jsm.streams.add(config))
  }
  for (const owner of owners) {
    const durable_name = ownerToken(owner)
    await jsm.consumers.info(TASKS, durable_name).catch(() =>
      jsm.consumers.add(TASKS, {
        durable_name,
        filter_subject: `task.${durable_name}`,
        ack_policy: 'explicit',
        ack_wait: nanos(ACK_WAIT),
        max_ack_pending: 1,
        max_deliver: -1,
        deliver_policy: 'last_per_subject',
      }),
    )
  }
}
