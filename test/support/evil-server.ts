import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { putPayload } from '../../src/federation/nats/payloads.ts'
import { decodeSigned, encodeSigned } from '../../src/federation/nats/signed.ts'
import { ensureStreams } from '../../src/federation/nats/streams.ts'
import { PROTOCOL, type Reply, ReplySchema, type WirePayload } from '../../src/federation/nats/wire.ts'
import { readServerFolder, type ServerFolder } from '../../src/federation/setup/folders.ts'
import { publicKey, signingKey } from '../../src/federation/setup/keys.ts'
import { VERSION } from '../../src/package.ts'
import { encodeSafetensors } from '../../src/weights/safetensors.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { client } from './parties.ts'

/** Who has the server's place at the broker, and sends owner 1 what it likes. */
export class EvilServer {
  readonly folder: ServerFolder
  readonly js: JetStreamClient
  readonly #replies: Reply[] = []
  #wake = () => {}

  private constructor(folder: ServerFolder, js: JetStreamClient) {
    this.folder = folder
    this.js = js
  }

  /** Connected until the test ends. */
  static async open(federation: string): Promise<EvilServer> {
    const folder = await readServerFolder(join(federation, 'server'))
    const connection = await client(folder)
    await ensureStreams(await jetstreamManager(connection), [1, 2])
    const server = new EvilServer(folder, jetstream(connection))
    const [{ publicKey: owner }] = folder.owners as [ServerFolder['owners'][number]]
    connection.subscribe('done.o1', {
      callback: (_, { data }) => {
        server.#replies.push(decodeSigned(data, publicKey(owner), ReplySchema, 'the owner'))
        server.#wake()
      },
    })
    return server
  }

  /** A task of owner 1, signed with a key. */
  task(run: string, more: object, key = signingKey(this.folder.seed)): Uint8Array {
    const { federation } = this.folder
    const task = randomBytes(6).toString('hex')
    return encodeSigned({ format: PROTOCOL, fedunify: VERSION, federation, run, owner: 1, task, ...more }, key)
  }

  async send(bytes: Uint8Array | string): Promise<void> {
    await this.js.publish('task.o1', bytes)
  }

  /** The answer to a task that is sent now. */
  async ask(run: string, more: object): Promise<Reply> {
    const bytes = this.task(run, more)
    const { task } = JSON.parse(JSON.parse(Buffer.from(bytes).toString()).body)
    await this.send(bytes)
    for (;;) {
      const reply = this.#replies.find((one) => one.task === task)
      if (reply) return reply
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  get answers(): number {
    return this.#replies.length
  }

  async put(run: string, weights: Weights): Promise<WirePayload> {
    const bytes = encodeSafetensors(weights)
    return (await putPayload(this.js, `model.${run}`, bytes, AbortSignal.timeout(20_000))).payload
  }
}
