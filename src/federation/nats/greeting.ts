import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** The oldest nats-server that a federation works with. */
const OLDEST = [2, 9] as const

/** What a broker says of itself before anything is asked, in plain text. */
export interface Greeting {
  readonly version?: string
  readonly jetstream?: boolean
  readonly tls_required?: boolean
}

/**
 * Reads the first line that is said unasked.
 * @returns undefined if it is not that of a broker
 * @throws whatever closes the socket before
 */
export async function readGreeting(socket: Socket): Promise<Greeting | undefined> {
  let text = ''
  const closed = new AbortController()
  const end = () => closed.abort()
  socket.once('close', end)
  try {
    while (!text.includes('\n') && text.length < 100_000) {
      const [piece] = await once(socket, 'data', { signal: closed.signal })
      text += piece
    }
  } catch (error) {
    throw closed.signal.aborted ? (socket.errored ?? new Error('it closes the connection')) : error
  } finally {
    socket.off('close', end)
  }
  try {
    return JSON.parse(/^INFO (\{.*\})/.exec(text)?.[1] ?? 'none') as Greeting
  } catch {
    return undefined
  }
}

/**
 * What answers at an address, within a time; see `readGreeting`. The connection is closed again.
 * @throws Error if nothing answers
 */
export async function greet(host: string, port: number, signal: AbortSignal): Promise<Greeting | undefined> {
  signal.throwIfAborted()
  const socket = connect({ host, port })
  const late = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const end = () =>
    socket.destroy(
      new Error(socket.connecting ? 'it does not answer' : 'what answers there says nothing, as no broker does'),
    )
  late.addEventListener('abort', end, { once: true })
  try {
    return await readGreeting(socket)
  } finally {
    late.removeEventListener('abort', end)
    socket.destroy()
  }
}

/** Milliseconds for the greeting. */
const PATIENCE = 5000

export interface Fault {
  readonly what: string
  readonly hint: string
}

/** Something answers, but it is no broker. */
export const NO_BROKER: Fault = {
  what: 'is no NATS broker',
  hint: 'compare host and port with nats.conf at the broker',
}

/** Why a federation cannot use a broker, by its greeting; undefined if it can. */
export function brokerFault(greeting: Greeting | undefined): Fault | undefined {
  if (!greeting) return NO_BROKER
  const { version = '', jetstream, tls_required: tls } = greeting
  const named = `is nats-server ${version}`
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    return { what: `${named}, which is older than ${OLDEST.join('.')}`, hint: 'install a newer nats-server' }
  }
  const lacking = jetstream ? (tls ? undefined : 'TLS') : 'JetStream'
  if (lacking === undefined) return undefined
  const hint = 'start it in its folder with its own file: nats-server -c nats.conf'
  return { what: `${named} without ${lacking}`, hint }
}
