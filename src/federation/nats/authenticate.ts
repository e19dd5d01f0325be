import { type Authenticator, nkeyAuthenticator } from '@nats-io/transport-node'
import { FedunifyError } from '../../errors.ts'

/**
 * What a broker may have signed: its nonce has letters and digits alone. It chooses it itself, and what else is signed by
 * the same key (messages, keys for masks) is JSON, so that no broker can have that signed.
 */
const NONCE = /^[\w-]{1,64}$/

/** Proves to a broker who a party is. @param seed SU… */
export function authenticatorOf(seed: string): Authenticator {
  const prove = nkeyAuthenticator(new TextEncoder().encode(seed))
  return (nonce) => {
    if (nonce === undefined || NONCE.test(nonce)) return prove(nonce)
    throw new FedunifyError('E_BROKER', 'the broker wants something signed that is no nonce', 'ask who runs the broker')
  }
}
