import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'

/**
 * Takes the messages of some subjects out of a stream, each by its place. Brokers before 2.9.15 go on counting what is
 * purged by subject as in use, until they have no room (nats-io/nats-server#3876).
 * @param filter subject, perhaps with wildcards
 */
export async function dropMessages(
  js: JetStreamClient,
  jsm: JetStreamManager,
  stream: string,
  filter: string,
): Promise<void> {
  // Of their headers alone: what they hold need not come here.
  const consumer = await js.consumers.get(stream, { filter_subjects: filter, headers_only: true })
  try {
    const { num_pending: count } = await consumer.info()
    if (count === 0) return
    for await (const { seq } of await consumer.fetch({ max_messages: count, expires: WAIT })) {
      // One that is gone already is no fault.
      await jsm.streams.deleteMessage(stream, seq, false).catch((error: unknown) => {
        if (!/not found|no message/i.test(String(error))) throw error
      })
    }
  } finally {
    await consumer.delete().catch(() => {})
  }
}

/** Milliseconds within which they come. */
const WAIT = 5000
