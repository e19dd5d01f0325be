import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { messageOf } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { Gate } from './gate.ts'
import { orAborted } from './persist.ts'
import type { Ask, PostSettings } from './server-post.ts'
import { decodeSigned, encodeSigned } from './signed.ts'
import { ownerIn, ownerToken, PROTOCOL, type Reply, ReplySchema } from './wire.ts'

/** Milliseconds until an owner is asked again. */
const AGAIN = 2000

interface Waiting {
  readonly owner: number
  done(reply: Reply): void
}

/**
 * The server's side of what owners do beside a training: its task stays the one that the broker keeps for them. These
 * questions and answers go over subjects that keep nothing, so an owner is asked until it answers.
 */
export class Beside {
  readonly #connection: NatsConnection
  readonly #settings: PostSettings
  readonly #gate: Gate
  readonly #waiting = new Map<string, Waiting>()
  readonly #session = randomBytes(6).toString('base64url')
  #asked = 0

  constructor(connection: NatsConnection, settings: PostSettings) {
    this.#connection = connection
    this.#settings = settings
    this.#gate = new Gate(settings.note)
    connection.subscribe('live.*', {
      callback: (error, { subject, data }) => {
        const owner = error ? undefined : ownerIn(subject)
        // Signs of life, which come there too, are not signed.
        if (owner === undefined || !isSigned(data)) return
        if (this.#gate.lets(owner)) this.#receive(owner, data)
      },
    })
  }

  async ask(owner: number, ask: Ask, signal: AbortSignal): Promise<Reply> {
    const { federation, run, key } = this.#settings
    const task = `${this.#session}-b${++this.#asked}`
    const message = { format: PROTOCOL, fedunify: VERSION, federation, run, owner, task, ...ask }
    const bytes = encodeSigned(message, key)
    const put = () => {
      // A connection that is away holds it back, or drops it: it is put again.
      if (!this.#connection.isClosed()) this.#connection.publish(`live.server.${ownerToken(owner)}`, bytes)
    }
    const reply = new Promise<Reply>((done) => this.#waiting.set(task, { owner, done }))
    const again = setInterval(put, AGAIN)
    try {
      put()
      return await orAborted(reply, signal)
    } finally {
      clearInterval(again)
      this.#waiting.delete(task)
    }
  }

  #receive(from: number, data: Uint8Array): void {
    const { owners, federation, run } = this.#settings
    const known = owners.find(({ owner }) => owner === from)
    if (!known) return
    try {
      const reply = decodeSigned(data, known.key, ReplySchema, `owner ${known.name}`)
      const waiting = this.#waiting.get(reply.task)
      const ours = reply.federation === federation && reply.run === run && reply.fedunify === VERSION
      if (ours && reply.owner === from && waiting?.owner === from) waiting.done(reply)
    } catch (error) {
      this.#gate.say(from, known.name, `refused: ${messageOf(error)}`)
    }
  }
}

/** How a signed message begins. */
const SIGNED = Buffer.from('{"body":')

const isSigned = (data: Uint8Array): boolean => SIGNED.equals(data.subarray(0, SIGNED.length))
