import { setTimeout as sleep } from 'node:timers/promises'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { FedunifyError } from '../errors.ts'
import { connectParty } from '../federation/nats/connection.ts'
import { SERVER, TASKS } from '../federation/nats/streams.ts'
import { LiveSchema, ownerToken } from '../federation/nats/wire.ts'
import type { ServerFolder } from '../federation/setup/folders.ts'
import { LISTEN, last, type OwnerStatus, read, type Said, statusOf } from './owner-status.ts'

export interface Status {
  /** `silent`: a server has begun, has not ended and gives no sign of life. */
  readonly server: 'none' | 'at work' | 'silent'
  readonly run: string | undefined
  readonly round: number | undefined
  readonly owners: readonly OwnerStatus[]
  /** The broker's time, as far as it is known. */
  readonly now: Date | undefined
}

/** Milliseconds within which a server at work gives one: it does every two seconds. */
const SILENT = 5000
/** Milliseconds for the broker to let us in. */
const PATIENCE = 8000

/**
 * How the run of a federation stands, by what is at its broker. It changes nothing there.
 * @throws FedunifyError (usage) if the broker cannot be reached, or does not let the server in
 */
export async function readStatus(folder: ServerFolder, signal: AbortSignal): Promise<Status> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const party = { ...folder, name: 'server', token: 'server' }
  const connection = await connectParty(party, () => {}, late).catch((error: unknown) => {
    signal.throwIfAborted()
    if (error instanceof FedunifyError) throw error
    throw new FedunifyError('E_BROKER', `the broker at ${folder.url} cannot be reached`, 'is it started?')
  })
  try {
    const told = new Map<string, Said>()
    const beating = new Set<string>()
    // An owner that is at a task tells the broker so each second.
    const acknowledged = `$JS.ACK.${TASKS}.`
    connection.subscribe(`${acknowledged}>`, {
      callback: (_, { subject }) => void beating.add(subject.slice(acknowledged.length).split('.')[0]!),
    })
    let run: string | undefined
    connection.subscribe('live.*', {
      callback: (error, { subject, data }) => {
        const live = error ? undefined : LiveSchema.safeParse(parsed(data)).data
        if (live?.progress && live.run === run) told.set(subject, { round: live.round, progress: live.progress })
      },
    })
    const manager = await jetstreamManager(connection, { timeout: 3000 })
    const first = await held(manager, folder.federation)
    if (!first || first.released)
      return { server: 'none', run: first?.run, round: undefined, owners: [], now: undefined }
    run = first.run
    const latest = await laterOf(manager, folder.federation, first, signal)
    if (latest.released) return { server: 'none', run, round: undefined, owners: [], now: undefined }
    const now = new Date(latest.time.getTime() + performance.now() - latest.seen)
    const facts = folder.owners.map((owner) => {
      const token = ownerToken(owner.owner)
      const seen = { run: latest.run, now, said: told.get(`live.${token}`), beats: beating.has(token) }
      return statusOf(manager, folder, owner, seen)
    })
    const all = await Promise.all(facts)
    const rounds = all.flatMap(({ round }) => (round === undefined ? [] : [round]))
    return {
      server: latest.sequence === first.sequence ? 'silent' : 'at work',
      run: latest.run,
      round: rounds.length > 0 ? Math.max(...rounds) : undefined,
      owners: all.map(({ status }) => status),
      now,
    }
  } finally {
    await connection.close()
  }
}

interface Held {
  readonly run: string
  readonly released: boolean
  readonly sequence: number
  readonly time: Date
  /** When it was seen here first, in milliseconds. */
  readonly seen: number
}

/** The server's last sign of life; undefined if none was ever here, or the broker has lost it. */
async function held(manager: JetStreamManager, federation: string): Promise<Held | undefined> {
  const message = await last(manager, SERVER, `server.${federation}`)
  if (!message) return undefined
  const { run, released } = message.json<{ run: string; released: boolean }>()
  return { run, released, sequence: message.seq, time: message.time, seen: performance.now() }
}

/** The next sign of life, and at least as long as others are listened to; the same one if there is none. */
async function laterOf(manager: JetStreamManager, federation: string, first: Held, signal: AbortSignal): Promise<Held> {
  const began = Date.now()
  let now = first
  while (Date.now() - began < (now.sequence === first.sequence ? SILENT : LISTEN)) {
    await sleep(250, undefined, { signal }).catch(() => signal.throwIfAborted())
    const next = await held(manager, federation)
    if (next && next.sequence !== now.sequence) now = next
  }
  return now
}

const parsed = (data: Uint8Array): unknown => read(() => JSON.parse(Buffer.from(data).toString('utf8')))
