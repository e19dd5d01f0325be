import { inboxPrefix, ownerToken } from '../nats/wire.ts'
import type { Owner } from './federation.ts'

/** The account of the server, which alone has JetStream. */
const ACCOUNT = 'FED'

/** What an owner asks JetStream for, by the name that its own side has for it: see `toAccount`. */
export const API_PREFIX = 'FED.API'

interface BrokerOptions {
  readonly federation: string
  readonly port: number
  /** Port of the monitoring page on 127.0.0.1; none if left out. */
  readonly monitor?: number | undefined
}

/** The part of the broker's configuration that is written once, and then belongs to whoever runs the broker. */
export const brokerConfig = ({ federation, port, monitor }: BrokerOptions): string => `\
# The broker of a federation, for nats-server 2.9 or later. Paths are relative to where it is started, so start it here:
#   nats-server -c nats.conf
# This file may be edited. Who may connect is in accounts.conf, which \`fedunify federation add\` and \`remove\` write.
server_name: "fedunify-${federation}"
listen: "0.0.0.0:${port}"
${monitor === undefined ? '' : `http: "127.0.0.1:${monitor}"\n`}pid_file: "./nats-server.pid"

# Weights travel in pieces that are smaller than this.
max_payload: 8MB
max_pending: 64MB
write_deadline: "30s"
# A connection whose other end is gone is given up after a minute.
ping_interval: "20s"
ping_max: 2

# Clients prove who they are with their keys, which accounts.conf names; the certificate is the broker's alone.
tls {
  cert_file: "./server.pem"
  key_file: "./server.key"
  ca_file: "./ca.pem"
  verify: false
  timeout: 5
}

jetstream {
  store_dir: "./store"
  max_memory_store: 256MB
}

include ./accounts.conf
`

/** Who may connect, and what each owner can reach: an account of its own for each. */
export function accountsConfig(serverKey: string, owners: readonly Owner[]): string {
  return `\
# Written by fedunify, which replaces it when owners are added or removed: do not edit it.
accounts {
  ${ACCOUNT} {
    jetstream: enabled
    users: [ { nkey: ${serverKey} } ]
    exports: [
${exported(owners.map(({ owner }) => owner)).join('\n')}
    ]
  }
${owners.map(account).join('\n')}
}
`
}

/** Something of the server's account that an owner can reach. */
interface Reachable {
  readonly subject: string
  readonly kind: 'service' | 'stream'
  /** Whether one request may bring several answers. */
  readonly several?: true
}

/**
 * All that an owner can reach. Its answers go to it alone: the broker puts a subject of its own in the place of the one
 * that an owner wants to be answered at, so that no owner can have the broker write into another's subjects.
 */
function reachable(owner: number): Reachable[] {
  const o = ownerToken(owner)
  const service = (subject: string): Reachable => ({ subject, kind: 'service' })
  return [
    service(`$JS.API.CONSUMER.INFO.TASKS.${o}`),
    { ...service(`$JS.API.CONSUMER.MSG.NEXT.TASKS.${o}`), several: true },
    service(`$JS.ACK.TASKS.${o}.>`),
    service('$JS.API.DIRECT.GET.MODELS.>'),
    service(`upd.${o}.>`),
    service(`done.${o}`),
    service(`live.${o}`),
    { subject: `live.server.${o}`, kind: 'stream' },
  ]
}

/** A subject that every owner can reach is exported once, to all of them. */
function exported(owners: readonly number[]): string[] {
  const bySubject = new Map<string, Reachable & { to: string[] }>()
  for (const owner of owners) {
    for (const what of reachable(owner)) {
      const to = bySubject.get(what.subject)?.to ?? []
      bySubject.set(what.subject, { ...what, to: [...to, ownerToken(owner)] })
    }
  }
  return [...bySubject.values()].map(({ subject, kind, several, to }) => {
    const response = several ? ', response_type: stream' : ''
    return `      { ${kind}: ${quoted(subject)}, accounts: [${to.join(', ')}]${response} }`
  })
}

/** An owner's account answers $JS.API itself (that it has no JetStream), so the server's goes by another name there. */
const local = (subject: string) => subject.replace(/^\$JS\.API\./, `${API_PREFIX}.`)

function account({ owner, name, publicKey }: Owner): string {
  const all = reachable(owner)
  const publish = all.filter(({ kind }) => kind === 'service').map(({ subject }) => quoted(local(subject)))
  const subscribe = all.filter(({ kind }) => kind === 'stream').map(({ subject }) => quoted(subject))
  const imports = all.map(({ subject, kind }) => {
    const to = local(subject) === subject ? '' : `, to: ${quoted(local(subject))}`
    return `      { ${kind}: { account: ${ACCOUNT}, subject: ${quoted(subject)} }${to} }`
  })
  return `\
  # ${name}
  ${ownerToken(owner)} {
    # A few connections, for those that the broker has not yet given up; pieces of weights have 1 MB, messages 2 MB.
    limits { max_connections: 8, max_subscriptions: 100, max_payload: 2200000 }
    users: [ { nkey: ${publicKey}, permissions: {
      publish: { allow: [${publish.join(', ')}] }
      subscribe: { allow: [${[quoted(`${inboxPrefix(ownerToken(owner))}.>`), ...subscribe].join(', ')}] }
    } } ]
    imports: [
${imports.join('\n')}
    ]
  }`
}

const quoted = (text: string) => `"${text}"`
