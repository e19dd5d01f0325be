import { join } from 'node:path'
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { HeadWeights } from '../../src/algorithm/head/head.ts'
import { labelHistogram, shardHash } from '../../src/data/partition/partition.ts'
import type { Evaluation } from '../../src/engine/engine.ts'
import { headOfTensors } from '../../src/federation/head-tensors.ts'
import { toWire } from '../../src/federation/nats/evaluations.ts'
import { getPayload, putPayload } from '../../src/federation/nats/payloads.ts'
import { persist } from '../../src/federation/nats/persist.ts'
import { decodeSigned, encodeSigned } from '../../src/federation/nats/signed.ts'
import { MODELS } from '../../src/federation/nats/streams.ts'
import {
  inboxPrefix,
  ownerToken,
  PROTOCOL,
  type ReplyOf,
  type Task,
  TaskSchema,
  type WirePayload,
} from '../../src/federation/nats/wire.ts'
import { ShardOwner } from '../../src/federation/owner.ts'
import { API_PREFIX } from '../../src/federation/setup/broker-config.ts'
import { type OwnerFolder, readOwnerFolder } from '../../src/federation/setup/folders.ts'
import { publicKey, signingKey } from '../../src/federation/setup/keys.ts'
import { prepareOwner } from '../../src/owner/prepare-owner.ts'
import { VERSION } from '../../src/package.ts'
import { ownerSettings } from '../../src/run/owners.ts'
import { headLearner, openLearner } from '../../src/run/participants.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/weights/safetensors.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { client } from './parties.ts'

type TrainTask = Extract<Task, { what: 'train' }>
type Card = Omit<ReplyOf<'card'>, Envelope>
type Report = Omit<ReplyOf<'update'>, Envelope | 'payload'>
type Envelope = 'format' | 'fedunify' | 'federation' | 'run' | 'owner' | 'task'

/** What an honest owner would hand in. */
export interface Honest {
  readonly weights: Weights
  readonly report: Report
}

interface Joined {
  readonly owner: ShardOwner
  readonly card: Card
  summarise(model: Weights): Promise<Weights>
  evaluate(model: Weights, head: HeadWeights | undefined): Promise<Evaluation>
  close(): Promise<void>
}

export interface Script {
  /** What it says of itself; default: the truth. */
  card?(card: Card): object
  /** Does what it likes with a task; resolves to whether it is to answer honestly now. */
  train(task: TrainTask, honest: Honest, evil: EvilOwner): Promise<boolean>
  /** The sums that it hands in for a head; default: the true ones. */
  sums?(sums: Weights, attempt: number): Weights
}

/** Nothing evil. */
export const honestly: Script['train'] = async () => true

/** Who has the folder and the key of an owner, and sends what it likes. It can train as an honest one does. */
export class EvilOwner {
  readonly folder: OwnerFolder
  readonly connection: NatsConnection
  readonly js: JetStreamClient
  readonly #data: string
  #stopped = false

  private constructor(folder: OwnerFolder, connection: NatsConnection, data: string) {
    this.folder = folder
    this.connection = connection
    this.js = jetstream(connection, { apiPrefix: API_PREFIX, timeout: 2000 })
    this.#data = data
  }

  /** Connected until the test ends. */
  static async open(federation: string, name: string, data: string): Promise<EvilOwner> {
    const folder = await readOwnerFolder(join(federation, 'owners', name))
    const connection = await client(folder, { inboxPrefix: inboxPrefix(ownerToken(folder.owner)), reconnect: true })
    return new EvilOwner(folder, connection, data)
  }

  get token(): string {
    return ownerToken(this.folder.owner)
  }

  stop(): void {
    this.#stopped = true
  }

  /** A reply to a task, signed; `more` replaces what an honest one says of itself too. */
  signed(task: Task, more: object, key = signingKey(this.folder.seed)): Uint8Array {
    const { federation, run, owner, task: id } = task
    return encodeSigned({ format: PROTOCOL, fedunify: VERSION, federation, run, owner, task: id, ...more }, key)
  }

  /** Bytes on the subject of its replies, whatever they are. */
  async post(bytes: Uint8Array | string): Promise<void> {
    this.connection.publish(`done.${this.token}`, bytes)
    await this.connection.flush()
  }

  async put(task: Task, weights: Weights | Uint8Array): Promise<WirePayload> {
    const bytes = weights instanceof Uint8Array ? weights : encodeSafetensors(weights)
    return (await putPayload(this.js, `upd.${this.token}.${task.run}`, bytes, AbortSignal.timeout(20_000))).payload
  }

  /** Weights handed in with a report that may be another. */
  async handIn(task: Task, { weights, report }: Honest, more: object = {}): Promise<void> {
    const payload = await this.put(task, weights)
    await this.post(this.signed(task, { ...report, payload, ...more }))
  }

  /** Sends all that the broker takes, everywhere it may, on another connection, until it is stopped. */
  flood(): { stop(): Promise<{ messages: number; bytes: number }> } {
    let going = true
    const counts = { messages: 0, bytes: 0 }
    const big = new Uint8Array(1024 * 1024)
    const pour = async () => {
      const connection = await client(this.folder, {
        inboxPrefix: inboxPrefix(ownerToken(this.folder.owner)),
        reconnect: true,
      })
      const send = (subject: string, bytes: Uint8Array | string) => {
        connection.publish(subject, bytes)
        counts.messages += 1
        counts.bytes += bytes.length
      }
      for (let i = 0; going; i++) {
        send(`upd.${this.token}.x${i}.0`, big)
        for (let j = 0; j < 50; j++) {
          send(`upd.${this.token}.y${i}-${j}.0`, 'x')
          send(`done.${this.token}`, '{"body":"{}","signature":"x"}')
          send(`live.${this.token}`, '{"run":null,"owner":8,"round":null,"progress":null}')
        }
        send(`done.${this.token}`, big)
        await connection.flush()
      }
      await connection.close()
    }
    const poured = pour()
    return {
      async stop() {
        going = false
        await poured
        return counts
      },
    }
  }

  /** Takes tasks until it is stopped, or the server tells it the end. */
  async work({ card = (one) => one, train, sums = (one) => one }: Script): Promise<void> {
    const { serverKey } = this.folder
    const signal = AbortSignal.timeout(120_000)
    // The server may not have made the streams yet.
    const consumer = await persist(() => this.js.consumers.get('TASKS', this.token), signal)
    let joined: Joined | undefined
    try {
      while (!this.#stopped) {
        const message = await consumer.next({ expires: 1000 })
        if (!message) continue
        const task = decodeSigned(message.data, publicKey(serverKey), TaskSchema, 'the server')
        message.ack()
        if (task.what === 'end') return
        if (task.what === 'invite') {
          joined ??= await this.#prepare(task.experiment, signal)
          await this.post(this.signed(task, card(joined.card)))
          continue
        }
        if (!('model' in task)) continue
        const model = task.model ? await this.#get(task.run, task.model) : undefined
        if (task.what === 'summarise') {
          const { round, attempt } = task
          const payload = await this.put(task, sums(await joined!.summarise(model!), attempt))
          const images = joined!.card.train_images
          await this.post(this.signed(task, { what: 'statistics', round, attempt, images, payload }))
          continue
        }
        if (task.what === 'evaluate') {
          const last = task.head ? headOfTensors(await this.#get(task.run, task.head)) : undefined
          const evaluation = toWire(await joined!.evaluate(model!, last))
          await this.post(this.signed(task, { what: 'evaluation', round: task.round, evaluation }))
          continue
        }
        const { round, lr, attempt, evaluate, evaluate_received: evaluateReceived } = task
        const update = await joined!.owner.train(
          model,
          { round, lr, evaluate, evaluateReceived, instruction: {} },
          () => {},
        )
        const { weights, trainImages, epochs, images, loss, seconds, local, received } = update
        const scores = { local: local ? toWire(local) : null, received: received ? toWire(received) : null }
        const metrics = { loss, ...scores }
        const honest = {
          weights,
          report: {
            what: 'update',
            round,
            attempt,
            train_images: trainImages,
            epochs,
            images,
            seconds,
            metrics,
          } as const,
        }
        if (await train(task, honest, this)) await this.handIn(task, honest)
      }
    } finally {
      await joined?.close()
    }
  }

  async #prepare(experiment: Record<string, unknown>, signal: AbortSignal): Promise<Joined> {
    const { owner } = this.folder
    const prepared = await prepareOwner(
      experiment,
      owner,
      { data: this.#data, shard: true, device: 'cpu', accept: false },
      signal,
    )
    const { dataset, shard, engine } = prepared
    const learner = await openLearner({ ...prepared, shards: [shard] }, 1, signal)
    const heads = headLearner({ ...prepared, shards: [shard] }, 1, learner, signal)
    const { name, shape, elements, classNames, sha256 } = dataset
    const card: Card = {
      what: 'card',
      metrics: true,
      train_images: shard.train.length,
      test_images: shard.test.length,
      train_labels: labelHistogram(dataset, shard.train),
      test_labels: labelHistogram(dataset, shard.test),
      dataset: { name, shape: [...shape], elements, class_names: [...classNames], sha256: { ...sha256 } },
      shard_sha256: shardHash(shard),
      engine: { name: engine.name, device: engine.device, version: engine.version },
    }
    const settings = ownerSettings(prepared, shard)
    const shardOwner = new ShardOwner(shard, learner, settings)
    return {
      owner: shardOwner,
      card,
      summarise: (model) => heads!.summarise(model, shard),
      evaluate: (model, head) => (head ? heads!.evaluate(model, head, shard) : shardOwner.evaluate(model)),
      async close() {
        await heads?.close()
        await learner.close()
      },
    }
  }

  async #get(run: string, payload: WirePayload): Promise<Weights> {
    const options = { apiPrefix: API_PREFIX, checkAPI: false }
    const manager = await jetstreamManager(this.connection, options)
    const limits = { most: 1e9, signal: AbortSignal.timeout(20_000), who: 'the model' }
    const bytes = await getPayload(manager, MODELS, `model.${run}`, payload, limits)
    return decodeSafetensors(bytes!, 'the model').weights
  }
}
