import { type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { FedunifyError } from '../../errors.ts'
import { stayConnected } from './stay-connected.ts'
import { inboxPrefix } from './wire.ts'

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
 * Connects a party of a federation to its broker.
 * @param note told of what it waits for
 * @throws FedunifyError (usage) if the broker does not let this party in
 */
export const connectParty = (
  party: Party,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<NatsConnection> =>
  stayConnected({
    shown: party.url,
    options: {
      servers: party.url,
      name: party.name,
      inboxPrefix: inboxPrefix(party.token),
      tls: { ca: party.ca },
      authenticator: nkeyAuthenticator(new TextEncoder().encode(party.seed)),
    },
    refusal: (text, error) => refusal(text, error, party),
    note,
    signal,
  })

/** What no waiting mends. */
function refusal(text: string, error: unknown, { url, name }: Party): FedunifyError | undefined {
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
