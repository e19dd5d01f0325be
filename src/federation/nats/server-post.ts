import { type KeyObject, randomBytes } from 'node:crypto'
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { FedunifyError, messageOf } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { sha256 } from '../../system/digest.ts'
import { Fence } from './fence.ts'
import { Gate } from './gate.ts'
import { CHUNK_TIME } from './payloads.ts'
import { orAborted, persist } from './persist.ts'
import { decodeSigned, encodeSigned } from './signed.ts'
import { DONE, ensureStreams, TASKS } from './streams.ts'
import { Trouble } from './trouble.ts'
import { ownerIn, ownerToken, PROTOCOL, type Reply, ReplySchema, type Task } from './wire.ts'

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
  /** For what takes long on a slow line. */
  readonly bulk: JetStreamManager
  readonly settings: PostSettings
  /** Told of what the broker does not take. */
  readonly trouble: Trouble
  readonly #waiting = new Map<number, Waiting>()
  /** Of each owner, the digest of what was refused last. */
  readonly #refused = new Map<number, string>()
  readonly #fence: Fence
  readonly #gate: Gate
  readonly #session = randomBytes(6).toString('base64url')
  #tasks = 0
  #look: NodeJS.Timeout | undefined
  #looking = false
  /** Bytes that an update may have, once that is known. */
  #most: number | undefined

  private constructor(
    connection: NatsConnection,
    jsm: JetStreamManager,
    bulk: JetStreamManager,
    settings: PostSettings,
  ) {
    this.js = jetstream(connection, { timeout: 2000 })
    this.jsm = jsm
    this.bulk = bulk
    this.settings = settings
    this.#fence = new Fence(this.js, jsm, settings)
    this.#gate = new Gate(settings.note)
    this.trouble = new Trouble(settings.note)
  }

  static async open(connection: NatsConnection, settings: PostSettings): Promise<ServerPost> {
    const { signal } = settings
    const jsm = await persist(() => jetstreamManager(connection, { timeout: 2000 }), signal)
    const bulk = await jetstreamManager(connection, { timeout: CHUNK_TIME, checkAPI: false })
    const post = new ServerPost(connection, jsm, bulk, settings)
    await post.#ensure()
    await post.#fence.take()
    // Read as they come: a flood waits at the broker, not in this process.
    connection.subscribe('done.*', {
      callback: (error, { subject, data }) => {
        const owner = error ? undefined : ownerIn(subject)
        if (owner !== undefined && post.#gate.lets(owner)) post.#receive(owner, data)
      },
    })
    post.#look = setInterval(() => void post.#lookAgain(), LOOK)
    return post
  }

  /** Makes room at the broker for updates of so many bytes. */
  async expectUpdates(most: number): Promise<void> {
    this.#most = most
    await this.#ensure()
  }

  /** @throws FedunifyError (training) if another server has taken over: asked before anything is done for good */
  async hold(signal: AbortSignal): Promise<void> {
    await persist(() => this.#fence.renew(), signal, this.trouble)
  }

  /** Gives an owner a task and waits for its reply, whatever happens to the broker meanwhile. */
  async ask(owner: number, ask: Ask, signal: AbortSignal): Promise<Reply> {
    const { federation, run, key } = this.settings
    const task = `${this.#session}-${++this.#tasks}`
    const message = { format: PROTOCOL, fedunify: VERSION, federation, run, owner, task, ...ask }
    const bytes = encodeSigned(message, key)
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(owner, { task, bytes, done: resolve }))
    try {
      // One that slept must not put its task in the place of another server's.
      await this.hold(signal)
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

  async #ensure(): Promise<void> {
    await persist(() => this.#streams(), this.settings.signal)
  }

  #streams(): Promise<void> {
    const owners = this.settings.owners.map(({ owner }) => owner)
    return ensureStreams(this.jsm, owners, this.#most)
  }

  async #publish(owner: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await persist(
      async () => {
        try {
          await this.js.publish(`task.${ownerToken(owner)}`, bytes, { timeout: 2000 })
        } catch (error) {
          await this.#ensure()
          throw error
        }
      },
      signal,
      this.trouble,
    )
  }

  /** A reply may have come while nobody listened, and a task may be lost with the broker's store. */
  async #lookAgain(): Promise<void> {
    if (this.#looking || this.settings.signal.aborted) return
    this.#looking = true
    try {
      // First: a broker that has lost its store answers nothing else.
      await this.#streams()
      await this.#fence.renew()
      this.trouble.worked()
      for (const [owner, waiting] of [...this.#waiting]) await this.#lookFor(owner, waiting)
    } catch (error) {
      // A broker that is away is waited for: the next look comes soon.
      if (error instanceof FedunifyError) this.settings.fenced(error)
      else this.trouble.failed(error)
    } finally {
      this.#looking = false
    }
  }

  async #lookFor(owner: number, { task, bytes }: Waiting): Promise<void> {
    const token = ownerToken(owner)
    const done = await this.jsm.direct.getMessage(DONE, { last_by_subj: `done.${token}` })
    const foreign = done !== null && !this.#receive(owner, done.data)
    const over = () => this.#waiting.get(owner)?.task !== task
    if (over()) return
    const last = await this.jsm.direct.getMessage(TASKS, { last_by_subj: `task.${token}` })
    // Answered meanwhile: this task must not take the place of the next one.
    if (over()) return
    // What is refused may have taken the place of the answer: the owner gives it again.
    if (foreign || !last || !Buffer.from(last.data).equals(bytes))
      await this.#publish(owner, bytes, this.settings.signal)
  }

  /**
   * @param from whose subject it came on: the broker lets no other owner there, so nobody else is blamed for it
   * @returns whether it was that owner's word, for this task or another
   */
  #receive(from: number, data: Uint8Array): boolean {
    const { owners, federation, run } = this.settings
    const known = owners.find(({ owner }) => owner === from)
    if (!known) return false
    const refused = (what: string) => {
      // Said once: it stays the owner's last word at the broker, and is read at each look.
      const digest = sha256(data)
      if (this.#refused.get(from) !== digest) this.#gate.say(from, known.name, `refused: ${what}`)
      this.#refused.set(from, digest)
      return false
    }
    try {
      const reply = decodeSigned(data, known.key, ReplySchema, `owner ${known.name}`)
      const waiting = this.#waiting.get(from)
      if (reply.owner !== from) return refused(`a message of owner ${known.name} in the name of owner ${reply.owner}`)
      if (reply.fedunify !== VERSION) {
        return refused(`owner ${known.name} has fedunify ${reply.fedunify}, this server ${VERSION}`)
      }
      // What is late, or of another run, is nobody's answer.
      if (reply.federation === federation && reply.run === run && waiting?.task === reply.task) waiting.done(reply)
      return true
    } catch (error) {
      return refused(messageOf(error))
    }
  }
}
