import type { NatsConnection } from '@nats-io/transport-node'
import { authenticatorOf } from './authenticate.ts'
import { certificateFault, FOREIGN, isEarly, RENEW, timeFault } from './certificate.ts'
import { brokerFault, type Fault } from './greeting.ts'
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
      authenticator: authenticatorOf(party.seed),
    },
    fault: brokerFault,
    refusal: (text) => refusal(text, party),
    note,
    signal,
  })

/** What no waiting mends. */
function refusal(text: string, { name, ca }: Party): Fault | undefined {
  if (/authorization|authentication/i.test(text)) {
    return {
      what: `does not know ${name}`,
      hint: 'was it removed, or is the folder of another federation? ask who runs the broker',
    }
  }
  switch (certificateFault(text)) {
    case 'name':
      return {
        what: 'shows a certificate for another name',
        hint: 'use the name that was given with --host, or renew the certificate',
      }
    case 'time':
      return timeFault(isEarly(text), ca, RENEW)
    case 'authority':
      return { what: 'shows a certificate of another authority', hint: FOREIGN }
    case undefined:
      return undefined
  }
}
