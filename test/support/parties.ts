import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type ConnectionOptions, connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { freePort } from '../../src/demo/local-broker.ts'
import { ensureStreams } from '../../src/federation/nats/streams.ts'
import { inboxPrefix, ownerToken } from '../../src/federation/nats/wire.ts'
import { API_PREFIX } from '../../src/federation/setup/broker-config.ts'
import { readOwnerFolder, readServerFolder } from '../../src/federation/setup/folders.ts'
import { initFederation } from '../../src/federation/setup/init.ts'
import { type Broker, startBroker } from './broker.ts'

export interface Standing {
  /** As given to `fedunify federation init`. */
  readonly dir: string
  readonly port: number
  readonly broker: Broker
  /** Ends the broker and removes its folder. */
  close(): Promise<void>
}

/** A new federation with a broker that runs, until it is closed; without owners named, of alice and bob. */
export async function standing(owners: readonly string[] = ['alice', 'bob']): Promise<Standing> {
  const folder = await mkdtemp(join(tmpdir(), 'test-'))
  const dir = join(folder, 'fed')
  const port = await freePort()
  await initFederation(dir, { owners, hosts: ['localhost'], port, days: 30 })
  const broker = await startBroker(join(dir, 'broker'), { port })
  const close = async () => {
    await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { dir, port, broker, close }
}

/** A client with a seed, of a broker whose certificate `ca` signed. Closed when the test ends. */
export async function client(
  { url, ca, seed }: { url: string; ca: string; seed: string },
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed))
  const connection = await connect({ servers: url, tls: { ca }, authenticator, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

export interface Server {
  readonly connection: NatsConnection
  readonly js: JetStreamClient
  readonly manager: JetStreamManager
}

/** The server of a federation; `streams` makes those that it makes. */
export async function serverOf(dir: string, { streams = false } = {}): Promise<Server> {
  const folder = await readServerFolder(join(dir, 'server'))
  const connection = await client(folder)
  const manager = await jetstreamManager(connection)
  if (streams)
    await ensureStreams(
      manager,
      folder.owners.map(({ owner }) => owner),
    )
  return { connection, js: jetstream(connection), manager }
}

/** An owner, with what its folder holds. */
export async function ownerOf(dir: string, name: string, options: ConnectionOptions = {}): Promise<Server> {
  const folder = await readOwnerFolder(join(dir, 'owners', name))
  const connection = await client(folder, { inboxPrefix: inboxPrefix(ownerToken(folder.owner)), ...options })
  const api = { apiPrefix: API_PREFIX, timeout: 1500 }
  const manager = await jetstreamManager(connection, { ...api, checkAPI: false })
  return { connection, js: jetstream(connection, api), manager }
}
