import { type KeyObject, randomBytes } from 'node:crypto'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { FedunifyError, messageOf } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { Fence } from './fence.ts'
import { orAborted, persist } from './persist.ts'
import { decodeSigned, encodeSigned } from './signed.ts'
import { DONE, ensureStreams, TASKS } from './streams.ts'
import { ownerToken, PROTOCOL, type Reply, ReplySchema, type Task } from './wire.ts'

/** An owner as the server knows it. */
export interface KnownOwner {
  readonly owner: number
  readonly name: string
  readonly key: KeyObject
}

type Distribute<T> = T extends unknown
  ? Omit<T, 'format' | 'fedunify' | 'federation' | 'run' | 'owner' | 'task'>
  : never
/** What a task asks, without what every message says of itself. */
export type Ask = Distribute<Task>

interface Waiting {
  readonly task: string
  readonly bytes: Uint8Array
  done(reply: Reply): void
}

/** Milliseconds between two looks at what the broker may have lost. */
const LOOK = 2000

export interface PostSettings {
  readonly federation: string
  readonly run: string
  readonly owners: readonly KnownOwner[]
  readonly key: KeyObject
  readonly signal: AbortSignal
  note(line: string): void
  /** Called if another server has taken over. */
  fenced(error: FedunifyError): void
}

/** The server's side of tasks and replies: each owner has one task at a time, and one last reply. */
export class ServerPost {
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly settings: PostSettings
  readonly #waiting = new Map<number, Waiting>()
  readonly #fence: Fence
  readonly #session = randomBytes(6).toString('base64url')
  #tasks = 0
  #look: NodeJS.Timeout | undefined
  #looking = false

  private constructor(connection: NatsConnection, jsm: JetStreamManager, settings: PostSettings) {
    this.js = jetstream(connection, { timeout: 5000 })
    this.jsm = jsm
    this.settings = settings
    this.#fence = new Fence(this.js, jsm, settings)
  }

  static async open(connection: NatsConnection, settings: PostSettings): Promise<ServerPost> {
    const { owners, signal } = settings
    const jsm = await persist(() => jetstreamManager(connection, { timeout: 5000 }), signal)
    const post = new ServerPost(connection, jsm, settings)
    await post.#ensure(owners.map(({ owner }) => owner))
    await post.#fence.take()
    const replies = connection.subscribe('done.*')
    void (async () => {
      for await (const { data } of replies) post.#receive(data)
    })()
    post.#look = setInterval(() => void post.#lookAgain(), LOOK)
    return post
  }

  /** Gives an owner a task and waits for its reply, whatever happens to the broker meanwhile. */
  async ask(owner: number, ask: Ask, signal: AbortSignal): Promise<Reply> {
    const { federation, run, key } = this.settings
    const task = `${this.#session}-${++this.#tasks}`
    const message = { format: PROTOCOL, fedunify: VERSION, federation, run, owner, task, ...ask }
    const bytes = encodeSigned(message, key)
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(owner, { task, bytes, done: resolve }))
    try {
      await this.#publish(owner, bytes, signal)
      return await orAborted(reply, signal)
    } finally {
      if (this.#waiting.get(owner)?.task === task) this.#waiting.delete(owner)
    }
  }

  /** Tells an owner something that it does not answer. */
  async tell(owner: number, ask: Ask): Promise<void> {
    const { federation, run, key } = this.settings
    const task = `${this.#session}-${++this.#tasks}`
    const message = { format: PROTOCOL, fedunify: VERSION, federation, run, owner, task, ...ask }
    await this.js.publish(`task.${ownerToken(owner)}`, encodeSigned(message, key), { timeout: 2000 }).catch(() => {})
  }

  async close(): Promise<void> {
    clearInterval(this.#look)
    await this.#fence.release()
  }

  async #ensure(owners: readonly number[]): Promise<void> {
    await persist(() => ensureStreams(this.jsm, owners), this.settings.signal)
  }

  async #publish(owner: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await persist(async () => {
      try {
        await this.js.publish(`task.${ownerToken(owner)}`, bytes, { timeout: 2000 })
      } catch (error) {
        await this.#ensure(this.settings.owners.map((one) => one.owner))
        throw error
      }
    }, signal)
  }

  /** A reply may have come while nobody listened, and a task may be lost with the broker's store. */
  async #lookAgain(): Promise<void> {
    if (this.#looking || this.settings.signal.aborted) return
    this.#looking = true
    try {
      await this.#fence.renew()
      for (const [owner, { task, bytes }] of [...this.#waiting]) {
        const token = ownerToken(owner)
        const done = await this.jsm.direct.getMessage(DONE, { last_by_subj: `done.${token}` })
        if (done) this.#receive(done.data)
        if (this.#waiting.get(owner)?.task !== task) continue
        const last = await this.jsm.direct.getMessage(TASKS, { last_by_subj: `task.${token}` })
        if (!last || !Buffer.from(last.data).equals(bytes)) await this.#publish(owner, bytes, this.settings.signal)
        await this.jsm.consumers.info(TASKS, token)
      }
    } catch (error) {
      if (error instanceof FedunifyError) this.settings.fenced(error)
      // Streams that are gone are made again; a broker that is away is waited for.
      else
        await ensureStreams(
          this.jsm,
          this.settings.owners.map((one) => one.owner),
        ).catch(() => {})
    } finally {
      this.#looking = false
    }
  }

  #receive(data: Uint8Array): void {
    const { owners, federation, run, note } = this.settings
    const claimed = claimedOwner(data)
    const known = owners.find(({ owner }) => owner === claimed)
    if (!known) return
    try {
      const reply = decodeSigned(data, known.key, ReplySchema, `owner ${known.name}`)
      const waiting = this.#waiting.get(known.owner)
      // What is late, or of another run, is nobody's answer.
      if (reply.federation !== federation || reply.run !== run || reply.owner !== known.owner) return
      if (waiting?.task === reply.task) waiting.done(reply)
    } catch (error) {
      note(`refused: ${messageOf(error)}`)
    }
  }
}

/** Whom a message says that it is from: whose key must have signed it. */
function claimedOwner(data: Uint8Array): number | undefined {
  try {
    return JSON.parse(JSON.parse(Buffer.from(data).toString('utf8')).body).owner
  } catch {
    return undefined
  }
}
