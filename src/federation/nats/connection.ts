import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { FedunifyError, messageOf } from '../../errors.ts'

/** What a party's folder says of it and of the broker. */
export interface Party {
  readonly federation: string
  readonly url: string
  /** PEM of the authority that signed the broker's certificate. */
  readonly ca: string
  /** The secret by which the broker knows it, and with which it signs. */
  readonly seed: string
  /** "server", or the owner's name. */
  readonly name: string
  /** Its part of subjects: "server", "o1". */
  readonly token: string
}

/**
 * Connects to the broker, and stays so: it waits for one that is not there yet, and comes back to one that was away.
 * @param note told of what it waits for
 * @throws FedunifyError (usage) if the broker does not let this party in
 */
export async function connectParty(
  party: Party,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<NatsConnection> {
  let told = false
  for (;;) {
    signal.throwIfAborted()
    try {
      const connection = await connect({
        servers: party.url,
        name: party.name,
        inboxPrefix: `_INBOX_${party.token}`,
        tls: { ca: party.ca },
        authenticator: nkeyAuthenticator(new TextEncoder().encode(party.seed)),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 300,
        // A broker that restarts may not know its accounts for a moment.
        ignoreAuthErrorAbort: true,
        pingInterval: 5000,
        maxPingOut: 3,
        timeout: 5000,
      })
      if (told) note(`connected to ${party.url}`)
      watch(connection, party.url, note)
      return connection
    } catch (error) {
      const final = refusal(error, party)
      if (final) throw final
      if (!told) note(`waiting for the broker at ${party.url}: ${messageOf(error)}`)
      told = true
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

/** What no waiting mends. */
function refusal(error: unknown, { url, name }: Party): FedunifyError | undefined {
  const text = [error, (error as { cause?: unknown }).cause].map(messageOf).join(' ')
  const refuse = (what: string, hint: string) =>
    new FedunifyError('E_BROKER', `the broker at ${url} ${what}`, hint, { cause: error })
  if (/authorization|authentication/i.test(text)) {
    return refuse(
      `does not know ${name}`,
      'was it removed, or is the folder of another federation? ask who runs the broker',
    )
  }
  if (/self[- ]signed|unable to (verify|get)|issuer|certificate signature/i.test(text)) {
    return refuse(
      'shows a certificate of another authority',
      'the folder and the broker must come from the same federation',
    )
  }
  if (/altnames|hostname/i.test(text)) {
    return refuse(
      'shows a certificate for another name',
      'use the name that was given with --host, or renew the certificate',
    )
  }
  if (/expired|not yet valid/i.test(text)) {
    return refuse(
      `shows a certificate that is not valid now (it is ${new Date().toISOString()} here)`,
      'compare the clocks, or renew it: fedunify federation renew',
    )
  }
  return undefined
}

/** Says when the connection is lost, and when it is back. */
async function watch(connection: NatsConnection, url: string, note: (line: string) => void): Promise<void> {
  let away = false
  for await (const status of connection.status()) {
    if (status.type === 'disconnect' && !away) {
      away = true
      note(`lost the broker at ${url}, waiting for it`)
    }
    if (status.type === 'reconnect' && away) {
      away = false
      note(`connected to ${url} again`)
    }
  }
}
