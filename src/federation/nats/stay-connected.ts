import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { FedunifyError, messageOf, systemCodeOf } from '../../errors.ts'
import { type Fault, type Greeting, greet } from './greeting.ts'
import { orAborted } from './persist.ts'

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
/** Milliseconds between two looks why a broker that was lost does not come back. */
const LOOK = 10_000

export interface Connecting {
  /** The broker, as it may be shown. */
  readonly shown: string
  readonly options: ConnectionOptions
  /** Why what answers there cannot be used; undefined if it can. */
  fault(greeting: Greeting | undefined): Fault | undefined
  /** What no waiting mends. `text` is the error's message and that of its cause. */
  refusal(text: string, error: unknown): Fault | undefined
  /** Told of what it waits for. */
  note(line: string): void
  readonly signal: AbortSignal
}

/**
 * Connects to a broker, and stays so: it waits for one that is not there yet, and comes back to one that was away.
 * @throws what `fault` and `refusal` make of what is there, or the signal's reason
 */
export async function stayConnected(connecting: Connecting): Promise<NatsConnection> {
  const { shown, note, signal } = connecting
  let told = false
  for (;;) {
    signal.throwIfAborted()
    try {
      const connection = await attempt(connecting, STEADY)
      if (told) note(`connected to ${shown}`)
      void watch(connection, connecting)
      return connection
    } catch (error) {
      if (error instanceof FedunifyError) throw error
      if (!told && !signal.aborted) note(`waiting for the broker at ${shown}: ${cause(error)}`)
      told = true
      await sleep(AGAIN, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

/** Looks what is there before it connects: the client would keep its hold on something that never says a word. */
async function attempt(connecting: Connecting, steady: ConnectionOptions): Promise<NatsConnection> {
  const { shown, options, fault, refusal, signal } = connecting
  const found = fault(await greet(...addressOf(shown), signal))
  if (found) throw unusable(shown, found)
  const opening = connect({ ...options, ...steady })
  try {
    return await orAborted(opening, signal)
  } catch (error) {
    // One that comes all the same would keep the process alive.
    if (signal.aborted) void opening.then((connection) => connection.close()).catch(() => {})
    const text = [error, (error as { cause?: unknown }).cause].map(messageOf).join(' ')
    const refused = refusal(text, error)
    throw refused ? unusable(shown, refused, error) : error
  }
}

const unusable = (shown: string, { what, hint }: Fault, cause?: unknown) =>
  new FedunifyError('E_BROKER', `the broker at ${shown} ${what}`, hint, { cause })

/** Host and port of a tls:// or nats:// address. */
export function addressOf(url: string): [host: string, port: number] {
  const { hostname, port } = new URL(url)
  return [hostname.replace(/^\[|\]$/g, ''), port === '' ? NATS_PORT : Number(port)]
}

/** Of an address that names none. */
const NATS_PORT = 4222

/** Why nothing answers, in words. */
function cause(error: unknown): string {
  switch (systemCodeOf(error)) {
    case 'ECONNREFUSED':
      return 'connection refused: is it started, at this port?'
    case 'ENOTFOUND':
      return 'no such host'
    default:
      return messageOf(error)
  }
}

/** Says when the connection is lost, when it is back, and what keeps it away if no waiting mends that. */
async function watch(connection: NatsConnection, connecting: Connecting): Promise<void> {
  const { shown, note } = connecting
  let away = false
  let look: NodeJS.Timeout | undefined
  const since = () => {
    let told: string | undefined
    return setInterval(async () => {
      const why = await whyAway(connecting)
      if (!away || !why || why.message === told) return
      told = why.message
      note(`${why.message}; ${why.hint}`)
    }, LOOK)
  }
  for await (const { type } of connection.status()) {
    if (type === 'disconnect' && !away) {
      note(`lost the broker at ${shown}, waiting for it`)
      look = since()
    }
    if (type === 'reconnect' && away) note(`connected to ${shown} again`)
    if (type === 'reconnect') clearInterval(look)
    if (type === 'disconnect' || type === 'reconnect') away = type === 'disconnect'
  }
  clearInterval(look)
}

async function whyAway(connecting: Connecting): Promise<FedunifyError | undefined> {
  try {
    await (await attempt(connecting, { ...STEADY, reconnect: false })).close()
  } catch (error) {
    if (error instanceof FedunifyError) return error
  }
  return undefined
}
