import { join } from 'node:path'
import {
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { State } from '../algorithm/algorithm.ts'
import { labelHistogram, shardHash } from '../data/partition/partition.ts'
import type { Learner, Progress } from '../engine/engine.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import type { Party } from '../federation/nats/connection.ts'
import { toWire } from '../federation/nats/evaluations.ts'
import { getPayload, putPayload } from '../federation/nats/payloads.ts'
import { persist } from '../federation/nats/persist.ts'
import { decodeSigned, encodeSigned } from '../federation/nats/signed.ts'
import { MODELS, TASKS } from '../federation/nats/streams.ts'
import { PROTOCOL, type Task, type TaskOf, TaskSchema, type WirePayload } from '../federation/nats/wire.ts'
import { ShardOwner } from '../federation/owner.ts'
import { updateTensors } from '../federation/tensors.ts'
import { parameterCount } from '../model/model.ts'
import { VERSION } from '../package.ts'
import { ownerSettings } from '../run/owners.ts'
import { openLearner } from '../run/participants.ts'
import { unflatten } from '../weights/named.ts'
import { encodeSafetensors } from '../weights/safetensors.ts'
import type { Weights } from '../weights/weights.ts'
import type { AgentSettings } from './agent-settings.ts'
import { OwnerStore } from './owner-store.ts'
import { type PreparedOwner, prepareOwner } from './prepare-owner.ts'
import { type Kind, mostOf, readReceived } from './received.ts'

/** A run that this owner takes part in. */
interface Joined {
  readonly run: string
  readonly owner: ShardOwner
  readonly learner: Learner
  readonly prepared: PreparedOwner
  readonly store: OwnerStore
  /** Rounds that the server has said are done: a task that knows of fewer is an old one, sent again by somebody. */
  committed: number
}

const PREFIX = 'FED.API'
/** Milliseconds between two signs of life while a task is under way. */
const BEAT = 1000
/** Milliseconds for which a request for the next task waits at the broker. */
const WAIT = 5000

/** An owner's side: it takes one task after another, until a run ends or the signal is aborted. */
export class Agent {
  readonly #connection: NatsConnection
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #party: Party
  readonly #settings: AgentSettings
  #joined: Joined | undefined
  #last: { readonly task: string; readonly reply: object } | undefined
  #ended = false

  private constructor(connection: NatsConnection, jsm: JetStreamManager, party: Party, settings: AgentSettings) {
    this.#connection = connection
    this.#js = jetstream(connection, { apiPrefix: PREFIX, timeout: 2000 })
    this.#jsm = jsm
    this.#party = party
    this.#settings = settings
  }

  static async open(connection: NatsConnection, party: Party, settings: AgentSettings): Promise<Agent> {
    const options = { apiPrefix: PREFIX, checkAPI: false, timeout: 2000 } as const
    const jsm = await persist(() => jetstreamManager(connection, options), settings.signal)
    return new Agent(connection, jsm, party, settings)
  }

  /** @throws FedunifyError (interrupted) once the signal is aborted */
  async work(): Promise<void> {
    const { signal, once } = this.#settings
    try {
      while (!(once && this.#ended)) {
        const message = await this.#next()
        if (message) await this.#take(message)
      }
    } finally {
      await this.#joined?.learner.close()
    }
    signal.throwIfAborted()
  }

  async #next(): Promise<JsMsg | null> {
    const { signal } = this.#settings
    return await persist(async () => {
      const consumer = await this.#js.consumers.get(TASKS, this.#party.token)
      let messages: ConsumerMessages | undefined
      const stop = () => void messages?.close()
      signal.addEventListener('abort', stop, { once: true })
      try {
        messages = await consumer.fetch({ max_messages: 1, expires: WAIT })
        for await (const message of messages) return message
        return null
      } finally {
        signal.removeEventListener('abort', stop)
      }
    }, signal)
  }

  async #take(message: JsMsg): Promise<void> {
    const beat = setInterval(() => message.working(), BEAT)
    try {
      const task = this.#read(message.data)
      if (task) await this.#answer(task)
      message.ack()
    } catch (error) {
      this.#settings.signal.throwIfAborted()
      this.#settings.note(`${messageOf(error)}: tried again`)
      message.nak(BEAT)
    } finally {
      clearInterval(beat)
    }
  }

  #read(data: Uint8Array): Task | undefined {
    const { note, serverKey, owner } = this.#settings
    try {
      const task = decodeSigned(data, serverKey, TaskSchema, 'the server')
      if (task.federation === this.#party.federation && task.owner === owner) return task
      note('refused: a task that is for somebody else')
    } catch (error) {
      note(`refused: ${messageOf(error)}`)
    }
    return undefined
  }

  async #answer(task: Task): Promise<void> {
    if (task.what === 'end') return await this.#end(task)
    if (this.#isOld(task)) return this.#settings.note('refused: a task of an earlier round, sent again')
    // One that was answered already: the answer may be lost.
    const reply = this.#last?.task === task.task ? this.#last.reply : await this.#reply(task)
    this.#last = { task: task.task, reply }
    const { key, owner, signal } = this.#settings
    const { federation, run } = task
    const message = { format: PROTOCOL, fedunify: VERSION, federation, run, owner, task: task.task, ...reply }
    await persist(
      () => this.#js.publish(`done.${this.#party.token}`, encodeSigned(message, key), { timeout: 2000 }),
      signal,
    )
  }

  #isOld({ what, run, committed }: Task): boolean {
    return what !== 'invite' && this.#joined?.run === run && committed < this.#joined.committed
  }

  async #reply(task: Exclude<Task, { what: 'end' }>): Promise<object> {
    try {
      if (task.fedunify !== VERSION) {
        return { what: 'refused', reasons: [`the server has fedunify ${task.fedunify}, this owner ${VERSION}`] }
      }
      if (task.what === 'invite') return await this.#invited(task)
      const joined = await this.#join(task.run)
      joined.committed = task.committed
      await joined.store.forget(task.committed)
      return await (task.what === 'train' ? this.#train(joined, task) : this.#evaluate(joined, task))
    } catch (error) {
      this.#settings.signal.throwIfAborted()
      const refused = error instanceof FedunifyError ? error : undefined
      this.#settings.note(`failed: ${messageOf(error)}`)
      return {
        what: 'failed',
        code: refused?.code ?? 'E_BUG',
        message: messageOf(error).slice(0, 2000),
        hint: refused?.hint?.slice(0, 2000) ?? null,
        round: refused?.place.round ?? null,
        tensor: refused?.place.tensor ?? null,
      }
    }
  }

  async #invited(task: TaskOf<'invite'>): Promise<object> {
    const { owner, data, signal, note } = this.#settings
    const prepared = await prepareOwner(task.experiment, owner, data, signal)
    const reasons = await this.#settings.refusals(prepared, task.asks)
    if (reasons.length > 0) {
      note(`refused run ${task.run}: ${reasons.join('; ')}`)
      return { what: 'refused', reasons }
    }
    const store = new OwnerStore(join(this.#settings.dir, 'runs', task.run))
    await store.putInvite(task)
    await this.#open(task.run, prepared, store)
    const { dataset, engine, model, shard } = prepared
    note(`run ${task.run}: ${parameterCount(model)} parameters, ${shard.train.length} images to train on`)
    const { name, shape, elements, classNames, sha256: digests } = dataset
    return {
      what: 'card',
      train_images: shard.train.length,
      test_images: shard.test.length,
      train_labels: task.asks.labels ? labelHistogram(dataset, shard.train) : null,
      test_labels: task.asks.labels ? labelHistogram(dataset, shard.test) : null,
      dataset: { name, shape, elements, class_names: classNames, sha256: digests },
      shard_sha256: shardHash(shard),
      engine: { name: engine.name, device: engine.device, version: engine.version },
    }
  }

  /** The run that a task is of; after a restart, from what was kept of its invitation. */
  async #join(run: string): Promise<Joined> {
    if (this.#joined?.run === run) return this.#joined
    const store = new OwnerStore(join(this.#settings.dir, 'runs', run))
    const invite = TaskSchema.safeParse(await store.invite())
    if (!invite.success || invite.data.what !== 'invite') {
      throw new FedunifyError('E_OWNER_STATE', `this owner does not know run ${run}`, 'the server must invite it again')
    }
    const { owner, data, signal } = this.#settings
    return await this.#open(run, await prepareOwner(invite.data.experiment, owner, data, signal), store)
  }

  async #open(run: string, prepared: PreparedOwner, store: OwnerStore): Promise<Joined> {
    await this.#joined?.learner.close()
    const { owner, signal } = this.#settings
    const learner = await openLearner({ ...prepared, shards: [prepared.shard] }, 1, signal)
    const shardOwner = new ShardOwner(prepared.shard, learner, ownerSettings(prepared, owner))
    this.#joined = { run, owner: shardOwner, learner, prepared, store, committed: 0 }
    return this.#joined
  }

  async #train(joined: Joined, task: TaskOf<'train'>): Promise<object> {
    const { owner, store, run } = joined
    const { round, attempt, lr, model, instruction } = task
    const asked = [round, lr, model?.sha256, instruction?.sha256].join()
    let kept = await store.update(round)
    if (kept?.asked !== asked) {
      const received = model ? await this.#get(joined, model) : undefined
      const given = instruction ? unflatten(await this.#get(joined, instruction, 'instruction')) : {}
      await this.#restore(owner, store, round - 1)
      const began = performance.now()
      const report = (progress: Progress) => this.#live(run, round, progress)
      const more = { instruction: given, evaluateReceived: task.evaluate_received }
      const update = await owner.train(received, { round, lr, ...more }, report)
      const { weights, sent, trainImages, epochs, images, loss, seconds, local, received: scored } = update
      const metrics = { epochs, images, loss, seconds, local: toWire(local), received: scored ? toWire(scored) : null }
      kept = {
        asked,
        reply: { what: 'update', round, train_images: trainImages, metrics },
        bytes: encodeSafetensors(updateTensors({ weights, sent })),
      }
      // Before anything is told: it must not train another time with other results.
      await store.putRound(round, kept, owner.state(round))
      this.#settings.note(roundLine(round, kept.bytes.length, (performance.now() - began) / 1000))
    }
    const metrics = kept.reply.metrics as { received: unknown }
    if (task.evaluate_received && !metrics.received) {
      // It was trained for a server that knew this; one that was resumed does not.
      metrics.received = toWire(await owner.evaluate(model ? await this.#get(joined, model) : undefined))
    }
    const { signal } = this.#settings
    const payload = await putPayload(this.#js, `upd.${this.#party.token}.${run}`, kept.bytes, signal)
    return { ...kept.reply, attempt, payload }
  }

  async #evaluate(joined: Joined, task: TaskOf<'evaluate'>): Promise<object> {
    const evaluation = await joined.owner.evaluate(await this.#get(joined, task.model))
    return { what: 'evaluation', round: task.round, evaluation: toWire(evaluation) }
  }

  /** The state after a round, from the disk if this process did not train it. */
  async #restore(owner: ShardOwner, store: OwnerStore, round: number): Promise<void> {
    const state: State | undefined = await store.state(round)
    if (state) owner.restore(round, state)
  }

  #models = new Map<string, Weights>()

  /** A model is fetched once, whatever is asked with it. */
  async #get({ run, prepared }: Joined, payload: WirePayload, kind: Kind = 'model'): Promise<Weights> {
    const known = this.#models.get(payload.sha256)
    if (known) return known
    const { signal } = this.#settings
    const limits = { most: mostOf(kind, prepared.model), signal, who: `the ${kind}` }
    const bytes = await getPayload(this.#jsm, MODELS, `model.${run}`, payload, limits)
    if (!bytes) throw new FedunifyError('E_PAYLOAD', 'a model is not at the broker', 'the server sends it again')
    const weights = readReceived(kind, bytes, prepared.model)
    this.#models = new Map([...[...this.#models].slice(-1), [payload.sha256, weights]])
    return weights
  }

  async #end({ run, committed, reason }: TaskOf<'end'>): Promise<void> {
    this.#settings.note(`run ${run} has ended: ${reason}`)
    await new OwnerStore(join(this.#settings.dir, 'runs', run)).forget(committed)
    // The end of another run, sent again by somebody, is not that of this one.
    if (this.#joined && this.#joined.run !== run) return
    await this.#joined?.learner.close()
    this.#joined = undefined
    this.#models.clear()
    this.#ended = true
  }

  #live(run: string, round: number, progress: Progress): void {
    const { owner } = this.#settings
    const { epoch, epochs, images, total, loss } = progress
    const told = { run, owner, round, progress: { epoch, epochs, images, total, loss } }
    this.#connection.publish(`live.${this.#party.token}`, JSON.stringify(told))
  }
}

const roundLine = (round: number, bytes: number, seconds: number) =>
  `round ${round}: trained in ${seconds.toFixed(1)} s, ${bytes} bytes of weights to send`
