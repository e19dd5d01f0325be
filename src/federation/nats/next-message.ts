import type { ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream'

/** Milliseconds that one pull waits at the broker. */
const WAIT = 5000

/** The next message of a consumer; null if there was none for a while, or the signal was aborted. */
export async function nextMessage(
  js: JetStreamClient,
  stream: string,
  durable: string,
  signal: AbortSignal,
): Promise<JsMsg | null> {
  const consumer = await js.consumers.get(stream, durable)
  let messages: ConsumerMessages | undefined
  const stop = () => void messages?.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    messages = await consumer.fetch({ max_messages: 1, expires: WAIT })
    for await (const message of messages) return message
    return null
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
