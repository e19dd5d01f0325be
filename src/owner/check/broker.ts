import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import type { Finding } from '../../doctor/finding.ts'
import { messageOf, systemCodeOf } from '../../errors.ts'
import { FOREIGN, hereNow, RENEW, timeFault } from '../../federation/nats/certificate.ts'
import { brokerFault, type Greeting, readGreeting } from '../../federation/nats/greeting.ts'
import { addressOf } from '../../federation/nats/stay-connected.ts'
import { daysUntil } from '../../federation/setup/expiry.ts'
import type { OwnerFolder } from '../../federation/setup/folders.ts'

/** Warned of a certificate that ends within so many days. */
const SOON = 30

export async function checkAddress({ url }: OwnerFolder): Promise<Finding> {
  const [host] = addressOf(url)
  try {
    const found = await lookup(host, { all: true })
    const detail = isIP(host) ? host : `${host} is ${found.map(({ address }) => address).join(', ')}`
    return { subject: 'address', status: 'ok', detail }
  } catch (error) {
    const detail = `${host} has no address here (${systemCodeOf(error) ?? messageOf(error)})`
    return { subject: 'address', status: 'problem', detail, fix: `getent hosts ${host}` }
  }
}

/** What a broker says of itself before anything is asked, and the certificate that it then shows. */
export interface Seen {
  readonly findings: readonly Finding[]
  /** Whether it is worth asking further. */
  readonly reached: boolean
}

/** Goes as far as any client of the network can: the port, the greeting, TLS. */
export async function checkBroker({ url, ca }: OwnerFolder, signal: AbortSignal): Promise<Seen> {
  const [host, port] = addressOf(url)
  const socket = connect({ host, port })
  const end = () => socket.destroy(new Error('no answer in time'))
  signal.addEventListener('abort', end, { once: true })
  try {
    const broker = greetingFinding(url, await readGreeting(socket))
    if (broker.status === 'problem') return { findings: [broker], reached: false }
    const certificate = await checkCertificate(socket, host, ca)
    return { findings: [broker, ...certificate], reached: certificate.every(({ status }) => status !== 'problem') }
  } catch (error) {
    const detail = `${url} cannot be reached (${systemCodeOf(error) ?? messageOf(error)}): not started, or a firewall`
    return {
      findings: [{ subject: 'broker', status: 'problem', detail, fix: `nc -vz ${host} ${port}` }],
      reached: false,
    }
  } finally {
    signal.removeEventListener('abort', end)
    socket.destroy()
  }
}

function greetingFinding(url: string, greeting: Greeting | undefined): Finding {
  const fault = brokerFault(greeting)
  if (fault)
    return { subject: 'broker', status: 'problem', detail: `what answers at ${url} ${fault.what}`, fix: fault.hint }
  const detail = `nats-server ${greeting!.version} at ${url}, with JetStream and TLS`
  return { subject: 'broker', status: 'ok', detail }
}

/** Whether the certificate is one that this owner believes, and until when; and what it tells of the clock here. */
async function checkCertificate(socket: Socket, host: string, ca: string): Promise<Finding[]> {
  const servername = isIP(host) ? undefined : host
  const secure: TLSSocket = connectTls({
    socket,
    ca,
    ...(servername && { servername }),
    rejectUnauthorized: false,
    // The name is looked at below, so that it is told apart from the authority.
    checkServerIdentity: () => undefined,
  })
  await once(secure, 'secureConnect')
  const { valid_from: from, valid_to: to, ...certificate } = secure.getPeerCertificate()
  const [begins, ends] = [new Date(from), new Date(to)]
  const now = new Date()
  const problem = (detail: string, fix?: string): Finding => ({
    subject: 'certificate',
    status: 'problem',
    detail,
    ...(fix && { fix }),
  })
  if (now < begins || now > ends) {
    const why = now < begins ? `is valid only from ${from}` : `expired on ${to}`
    const { hint } = timeFault(now < begins, ca, RENEW)
    return [problem(`it ${why}; ${hereNow(now)}`, hint)]
  }
  const wrong = secure.authorizationError
  if (wrong) return [problem(`it is not of this federation's authority (${messageOf(wrong)})`, FOREIGN)]
  const named = checkServerIdentity(host, { valid_from: from, valid_to: to, ...certificate })
  if (named) return [problem(`it is for another name: ${messageOf(named)}`)]
  const days = daysUntil(ends)
  const detail = `valid until ${ends.toISOString().slice(0, 10)}, ${days === 1 ? '1 day' : `${days} days`} left`
  return [
    days < SOON
      ? { subject: 'certificate', status: 'warning', detail, fix: RENEW }
      : { subject: 'certificate', status: 'ok', detail },
  ]
}
