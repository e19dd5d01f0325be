import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { type FedunifyError, messageOf } from '../../errors.ts'

const STEADY = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 300,
  // A broker that restarts may not know its accounts for a moment.
  ignoreAuthErrorAbort: true,
  pingInterval: 5000,
  maxPingOut: 3,
  timeout: 5000,
} as const satisfies ConnectionOptions

/** Milliseconds until the next attempt at a broker that is not there yet. */
const AGAIN = 500

export interface Connecting {
  /** The broker, as it may be shown. */
  readonly shown: string
  readonly options: ConnectionOptions
  /** What no waiting mends. `text` is the error's message and that of its cause. */
  refusal(text: string, error: unknown): FedunifyError | undefined
  /** Told of what it waits for. */
  note(line: string): void
  readonly signal: AbortSignal
}

/**
 * Connects to a broker, and stays so: it waits for one that is not there yet, and comes back to one that was away.
 * @throws what `refusal` makes of an error, or the signal's reason
 */
export async function stayConnected({ shown, options, refusal, note, signal }: Connecting): Promise<NatsConnection> {
  let told = false
  for (;;) {
    signal.throwIfAborted()
    try {
      const connection = await connect({ ...options, ...STEADY })
      if (told) note(`connected to ${shown}`)
      void watch(connection, shown, note)
      return connection
    } catch (error) {
      const text = [error, (error as { cause?: unknown }).cause].map(messageOf).join(' ')
      const final = refusal(text, error)
      if (final) throw final
      if (!told) note(`waiting for the broker at ${shown}: ${messageOf(error)}`)
      told = true
      await new Promise((resolve) => setTimeout(resolve, AGAIN))
    }
  }
}

/** Says when the connection is lost, and when it is back. */
async function watch(connection: NatsConnection, shown: string, note: (line: string) => void): Promise<void> {
  let away = false
  for await (const { type } of connection.status()) {
    if (type === 'disconnect' && !away) note(`lost the broker at ${shown}, waiting for it`)
    if (type === 'reconnect' && away) note(`connected to ${shown} again`)
    if (type === 'disconnect' || type === 'reconnect') away = type === 'disconnect'
  }
}
