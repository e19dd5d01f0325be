import type { JetStreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { type Config, ensureStream } from './ensure-stream.ts'
import { CHUNK, MAX_MESSAGE, ownerToken } from './wire.ts'

export const TASKS = 'TASKS'
export const MODELS = 'MODELS'
export const DONE = 'DONE'
export const SERVER = 'SERVER'

/**
 * Each owner's updates are a stream of their own: one that fills its own pushes out nothing but what it sent itself.
 * In one stream for all, an owner could either push out the others' updates or keep them out.
 */
export const updatesOf = (owner: number): string => `UPDATES_${ownerToken(owner)}`

/** Milliseconds after which a task goes to an owner again if it shows no sign of life. */
export const ACK_WAIT = 3000

const DAY = nanos(24 * 3600 * 1000)
/** Bytes of an update of which nothing is known yet. */
const SOME_UPDATE = 16 * 1024 * 1024
/** Bytes that the broker may add to a message: its headers. */
const HEADERS = 4096

/** Nobody here names messages, so that the broker need not remember names for long. */
const LAST = {
  allow_direct: true,
  max_msgs_per_subject: 1,
  storage: 'file',
  num_replicas: 1,
  duplicate_window: nanos(1000),
  // What an earlier version may have made otherwise.
  max_bytes: -1,
  max_msgs: -1,
  max_age: 0,
} as const

/** Room for an update, and for as much again: what was left of one before, when an owner was killed. */
function updates(owner: number, most = SOME_UPDATE): Config {
  return {
    name: updatesOf(owner),
    subjects: [`upd.${ownerToken(owner)}.>`],
    ...LAST,
    max_age: DAY,
    max_msg_size: CHUNK + HEADERS,
    max_bytes: 2 * (most + HEADERS) + 4 * CHUNK,
    // Each message costs the broker memory too, however small it is.
    max_msgs: 2 * Math.ceil(most / CHUNK) + 1000,
    discard: 'old',
  }
}

/**
 * The streams that a federation needs, each as a table of the last message of every subject. The broker may lose them:
 * nothing is in them that the server or an owner does not have on its own disk, so they are made again.
 * @param most bytes of an update; undefined if that is not known yet
 * @throws FedunifyError (usage) if the broker has no room for them
 */
export async function ensureStreams(jsm: JetStreamManager, owners: readonly number[], most?: number): Promise<void> {
  const message = { ...LAST, max_msg_size: MAX_MESSAGE + HEADERS }
  const streams: Config[] = [
    { name: TASKS, subjects: ['task.*'], ...message },
    { name: MODELS, subjects: ['model.>'], ...LAST, max_age: DAY, max_msg_size: CHUNK + HEADERS },
    { name: DONE, subjects: ['done.*'], ...message },
    { name: SERVER, subjects: ['server.*'], ...LAST, max_msg_size: 2 * HEADERS },
  ]
  // All at once: on a long line each question takes its time.
  await Promise.all([
    ...streams.map((config) => ensureStream(jsm, config)),
    // One that is there keeps its size until it is known how large an update is.
    ...owners.map((owner) => ensureStream(jsm, updates(owner, most), most === undefined ? SIZES : [])),
  ])
  await Promise.all(owners.map((owner) => ensureConsumer(jsm, ownerToken(owner))))
}

async function ensureConsumer(jsm: JetStreamManager, durable_name: string): Promise<void> {
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

const SIZES = ['max_bytes', 'max_msgs'] as const
