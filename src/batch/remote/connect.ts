import { readFile } from 'node:fs/promises'
import {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node'
import { FedunifyError, messageOf } from '../../errors.ts'
import { certificateFault, isEarly, timeFault } from '../../federation/nats/certificate.ts'
import { type Fault, NO_BROKER } from '../../federation/nats/greeting.ts'
import { stayConnected } from '../../federation/nats/stay-connected.ts'
import { textOf } from '../../system/text.ts'

/** Where the broker is, and how it knows us. */
export interface Address {
  /** nats:// or tls://, perhaps with user:password. */
  readonly on: string
  /** File of the authority that signed the broker's certificate; default: those that Node knows. */
  readonly ca?: string | undefined
  /** File of credentials, as nsc makes it. */
  readonly creds?: string | undefined
  /** File of the seed of a key. */
  readonly nkey?: string | undefined
}

/**
 * Connects to the broker of a queue.
 * @param note told of what it waits for
 * @throws FedunifyError (usage) if the address is none, or the broker does not let us in
 */
export async function connectQueue(
  address: Address,
  { name, note, signal }: { name: string; note: (line: string) => void; signal: AbortSignal },
): Promise<NatsConnection> {
  const { shown, options } = await optionsOf(address)
  return await stayConnected({
    shown,
    options: { ...options, name },
    fault: (greeting) => (greeting ? undefined : NO_BROKER),
    refusal,
    note,
    signal,
  })
}

/** The address as it may be shown: without a password. */
export function shownAddress(on: string): string {
  const url = parse(on)
  return `${url.protocol}//${url.host}`
}

async function optionsOf(address: Address): Promise<{ shown: string; options: ConnectionOptions }> {
  const { on, ca, creds, nkey } = address
  const url = parse(on)
  const secure = url.protocol === 'tls:'
  if (ca !== undefined && !secure) {
    throw new FedunifyError(
      'E_CONFLICT',
      `--ca is for tls://, the broker is ${shownAddress(on)}`,
      'use tls://, or leave --ca out',
    )
  }
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  if ([creds, nkey, user || undefined].filter((one) => one !== undefined).length > 1) {
    throw new FedunifyError(
      'E_CONFLICT',
      'the broker can know us by one thing alone',
      'use --creds, --nkey, or user:password in the URL',
    )
  }
  return {
    shown: shownAddress(on),
    options: {
      servers: url.host,
      ...(secure && { tls: ca === undefined ? {} : { ca: await secret(ca) } }),
      ...(pass !== '' ? { user, pass } : user !== '' && { token: user }),
      ...(creds !== undefined && { authenticator: credsAuthenticator(Buffer.from(await secret(creds))) }),
      ...(nkey !== undefined && {
        authenticator: nkeyAuthenticator(Buffer.from((await secret(nkey)).trim())),
      }),
    },
  }
}

function parse(on: string): URL {
  const url = URL.canParse(on) ? new URL(on) : undefined
  if (url?.host && /^(nats|tls):$/.test(url.protocol)) return url
  // Not what was given: it may hold a password.
  throw new FedunifyError('E_OPTION', '--on: expected the address of a broker', 'for example --on nats://host:4222')
}

async function secret(file: string): Promise<string> {
  try {
    return textOf(await readFile(file))
  } catch (error) {
    throw new FedunifyError('E_FILE_UNREADABLE', `${file}: ${messageOf(error)}`, undefined, { cause: error })
  }
}

/** What no waiting mends. */
function refusal(text: string, error: unknown): Fault | undefined {
  if (/authorization|authentication/i.test(text)) {
    return { what: 'does not let us in', hint: 'use --creds, --nkey, or user:password in the URL' }
  }
  switch (certificateFault(text)) {
    case 'name':
      return { what: 'shows a certificate for another name', hint: 'use a name that is in its certificate' }
    case 'time':
      return timeFault(isEarly(text), undefined, "renew the broker's certificate")
    case 'authority': {
      const what = `shows a certificate that is not trusted: ${messageOf(error)}`
      return { what, hint: 'name the authority that signed it with --ca' }
    }
  }
  if (!/tls|secure/i.test(text)) return undefined
  return { what: `and this side do not agree on TLS: ${messageOf(error)}`, hint: 'use tls://' }
}
