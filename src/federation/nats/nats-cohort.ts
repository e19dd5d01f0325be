import type { NatsConnection } from '@nats-io/transport-node'
import { pMapIterable } from 'p-map'
import type { Evaluation } from '../../engine/engine.ts'
import { ERRORS, type ErrorCode, FedunifyError, messageOf } from '../../errors.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Cohort, ModelRef, OwnerCard, OwnerProgress, OwnerStates, RoundTask, Update } from '../cohort.ts'
import { instructionTensors } from '../tensors.ts'
import { type Traffic, TrafficCount } from '../traffic.ts'
import { withProgress } from '../with-progress.ts'
import { miscounted } from './check-evaluation.ts'
import { fromWire } from './evaluations.ts'
import { liveReader } from './live.ts'
import { getPayload, putPayload } from './payloads.ts'
import { persist } from './persist.ts'
import { mostOfUpdate, readUpdate, type UpdateBounds } from './read-update.ts'
import type { Ask, KnownOwner, ServerPost } from './server-post.ts'
import { MODELS, updatesOf } from './streams.ts'
import { ownerToken, type Reply, type ReplyOf, type WirePayload } from './wire.ts'

/** Updates that are fetched before their turn: each is a model in memory. */
const AHEAD = 2
/** How often an owner may hand in what cannot be merged, in one round. */
const ATTEMPTS = 3
/** How often an owner may say of one task that the broker has lost what it needs. */
const LOSSES = 20

interface Published {
  readonly weights: Weights
  readonly bytes: Uint8Array
  payload: WirePayload
}

interface Answer {
  readonly owner: KnownOwner
  readonly attempt: number
  readonly reply: ReplyOf<'update'>
}

export interface NatsCohortSettings extends Omit<UpdateBounds, 'base' | 'trainImages' | 'testImages' | 'labels'> {
  readonly run: string
  /** Seconds in which an owner must have answered a task; undefined: any. */
  readonly deadline: number | undefined
  /** How many owners must answer in time; all, if none may be absent. */
  readonly minOwners: number
  readonly cards: readonly (OwnerCard & { readonly labels: boolean })[]
}

/** Owners elsewhere, asked over the broker. */
export class NatsCohort implements Cohort {
  readonly owners: readonly OwnerCard[]
  readonly #post: ServerPost
  readonly #connection: NatsConnection
  readonly #settings: NatsCohortSettings
  readonly #published = new Map<number, Published>()
  readonly #traffic: TrafficCount
  /** Owners that took part in the round under way, or the last one. */
  #present: readonly KnownOwner[]
  readonly #live = liveReader()
  #models = 0
  /** Rounds that are on the server's disk: an owner may forget what it kept of them. */
  #committed = 0

  constructor(post: ServerPost, connection: NatsConnection, settings: NatsCohortSettings) {
    this.owners = settings.cards
    this.#traffic = new TrafficCount(settings.cards)
    this.#post = post
    this.#present = post.settings.owners
    this.#connection = connection
    this.#settings = settings
  }

  async publish(model: Weights): Promise<ModelRef> {
    const bytes = encodeSafetensors(model)
    const payload = await this.#put(bytes, this.#post.settings.signal)
    for (const i of this.owners.keys()) this.#traffic.down(i, bytes.length)
    const ref = { id: ++this.#models }
    this.#published.set(ref.id, { weights: model, bytes, payload })
    return ref
  }

  train(task: RoundTask, signal: AbortSignal): AsyncIterable<OwnerProgress | Update> {
    const { run } = this.#settings
    return withProgress<OwnerProgress, Update>((report) => {
      const live = this.#connection.subscribe('live.*', {
        callback: (error, { subject, data }) => {
          const told = error ? undefined : this.#live(subject, data)
          if (told?.progress && told.run === run && told.round === task.round) {
            report({ type: 'owner-progress', round: task.round, owner: told.owner, ...told.progress })
          }
        },
      })
      return this.#trainAll(task, signal, () => live.unsubscribe())
    })
  }

  async *#trainAll(task: RoundTask, signal: AbortSignal, done: () => void): AsyncGenerator<Update> {
    try {
      await this.#forget(task.model)
      const asked = this.#post.settings.owners.map((owner) => this.#ask(owner, task, 0, signal))
      // A rejection is looked at when its turn comes.
      for (const one of asked) one.catch(() => {})
      const present = await this.#inTime(asked)
      const { minOwners } = this.#settings
      if (minOwners < this.owners.length) this.#present = (await Promise.all(present)).map(({ owner }) => owner)
      yield* pMapIterable(present, (answer) => this.#fetch(answer, task, signal), { concurrency: AHEAD })
      // What comes now is written: not by one that slept while another server took over.
      await this.#post.hold(signal)
      this.#committed = task.round - 1
    } finally {
      done()
    }
  }

  async evaluate(model: ModelRef, signal: AbortSignal): Promise<ReadonlyMap<number, Evaluation>> {
    const asked = this.#present.map(async (owner) => [owner.owner, await this.#score(owner, model, signal)] as const)
    return new Map(await Promise.all(await this.#inTime(asked)))
  }

  async #score(owner: KnownOwner, model: ModelRef, signal: AbortSignal): Promise<Evaluation> {
    for (let times = 0; ; times++) {
      const { payload } = this.#published.get(model.id)!
      const ask = { what: 'evaluate', committed: this.#committed, round: 0, model: payload } as const
      const reply = await this.#answer(owner, ask, signal)
      if (times < LOSSES && (await this.#lost(reply, payload, signal))) continue
      const { evaluation } = expect(reply, 'evaluation', owner)
      const card = this.#settings.cards[this.#place(owner)]!
      const wrong = evaluation
        ? miscounted(evaluation, { ...card, classes: this.#settings.classes })
        : 'is missing, and this run needs it'
      if (!evaluation || wrong) throw failure(owner, 'E_UPDATE', `sent an evaluation that ${wrong}`, NOT_MERGED)
      return fromWire(evaluation)
    }
  }

  /** They keep theirs. */
  states = (): OwnerStates => new Map()
  restore(round: number): void {
    this.#committed = round
  }

  takeTraffic(): Traffic[] {
    return this.#traffic.take()
  }

  async close(): Promise<void> {}

  #place({ owner }: KnownOwner): number {
    return this.owners.findIndex((card) => card.owner === owner)
  }

  /**
   * Those of the answers that count: all of them, or, if owners may be absent, those that came in time.
   * @throws FedunifyError (training) if too few came in time
   */
  async #inTime<T>(asked: readonly Promise<T>[]): Promise<readonly (T | Promise<T>)[]> {
    const { minOwners } = this.#settings
    if (minOwners >= this.owners.length) return asked
    const settled = await Promise.allSettled(asked)
    const late = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    const other = late.find((error) => !(error instanceof FedunifyError && error.code === 'E_OWNER_FAILED'))
    if (other !== undefined) throw other
    const came = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    if (came.length >= minOwners) {
      for (const error of late) this.#post.settings.note(`${messageOf(error)}: the round goes on without it`)
      return came
    }
    const message = `${came.length} of ${asked.length} owners answered in time, ${minOwners} must (--min-owners)`
    throw new FedunifyError('E_OWNER_FAILED', `${message}: ${late.map(messageOf).join('; ')}`, RESUME)
  }

  async #ask(owner: KnownOwner, task: RoundTask, attempt: number, signal: AbortSignal): Promise<Answer> {
    const instruction = instructionTensors(task.instruct(owner.owner))
    const extra = instruction.size > 0 ? encodeSafetensors(instruction) : undefined
    for (let times = 0; ; times++) {
      const model = task.model && this.#published.get(task.model.id)!.payload
      const sent = extra ? await this.#put(extra, signal) : null
      if (extra) this.#traffic.down(this.#place(owner), extra.length)
      const { round, lr, evaluateReceived } = task
      const ask = { what: 'train', committed: round - 1, round, attempt, lr, model: model ?? null } as const
      const more = { instruction: sent, evaluate_received: evaluateReceived(owner.owner) }
      const reply = await this.#answer(owner, { ...ask, ...more }, signal)
      if (times < LOSSES && (await this.#lost(reply, model, signal))) continue
      return { owner, attempt, reply: expect(reply, 'update', owner) }
    }
  }

  /** @throws FedunifyError (training) if the owner does not answer in time */
  async #answer(owner: KnownOwner, ask: Ask, signal: AbortSignal): Promise<Reply> {
    const { deadline } = this.#settings
    if (deadline === undefined) return await this.#post.ask(owner.owner, ask, signal)
    const late = AbortSignal.timeout(1000 * deadline)
    try {
      return await this.#post.ask(owner.owner, ask, AbortSignal.any([signal, late]))
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error
      const what = `did not answer within ${deadline} s (--deadline)`
      throw failure(owner, 'E_OWNER_FAILED', what, RESUME)
    }
  }

  /** Fetches an update and checks it; one that cannot be merged is refused, and asked for again. */
  async #fetch(first: Answer, task: RoundTask, signal: AbortSignal): Promise<Update> {
    const { owner } = first
    let { reply, attempt } = first
    for (;;) {
      try {
        return await this.#read({ owner, attempt, reply }, task, signal)
      } catch (error) {
        if (signal.aborted || !(error instanceof FedunifyError)) throw error
        if (attempt + 1 >= ATTEMPTS) throw given(owner, task.round, error)
        this.#post.settings.note(`refused: ${messageOf(error)}; owner ${owner.name} is asked again`)
        ;({ reply, attempt } = await this.#ask(owner, task, attempt + 1, signal))
      }
    }
  }

  async #read({ owner, attempt, reply }: Answer, task: RoundTask, signal: AbortSignal): Promise<Update> {
    const { run } = this.#settings
    const who = `the update of owner ${owner.name}`
    if (reply.round !== task.round || reply.attempt !== attempt) {
      throw failure(owner, 'E_UPDATE', `handed in round ${reply.round}, attempt ${reply.attempt}`, NOT_MERGED)
    }
    const prefix = `upd.${ownerToken(owner.owner)}.${run}`
    const limits = { most: mostOfUpdate(this.#settings), signal, who }
    const bytes = await getPayload(this.#post.jsm, updatesOf(owner.owner), prefix, reply.payload, limits)
    if (!bytes) throw failure(owner, 'E_PAYLOAD', 'handed in an update that is not at the broker', NOT_MERGED)
    this.#traffic.up(this.#place(owner), bytes.length)
    const card = this.#settings.cards[this.#place(owner)]!
    const base = task.model && this.#published.get(task.model.id)!.weights
    return readUpdate(reply, bytes, owner.name, { ...this.#settings, ...card, base })
  }

  #put(bytes: Uint8Array, signal: AbortSignal): Promise<WirePayload> {
    return putPayload(this.#post.js, `model.${this.#settings.run}`, bytes, signal)
  }

  /** Whether an owner did not find what it was sent: the broker has lost it, and it is put there again. */
  async #lost(reply: Reply, payload: WirePayload | undefined, signal: AbortSignal): Promise<boolean> {
    if (reply.what !== 'failed' || reply.code !== 'E_PAYLOAD') return false
    for (const model of this.#published.values()) {
      if (model.payload === payload) model.payload = await this.#put(model.bytes, signal)
    }
    return true
  }

  /** Nobody needs older models, and what the owners sent of the round before. */
  async #forget(current: ModelRef | undefined): Promise<void> {
    const { signal } = this.#post.settings
    const { run } = this.#settings
    const purge = (stream: string, filter: string) =>
      persist(() => this.#post.jsm.streams.purge(stream, { filter }), signal)
    for (const [id, { payload }] of this.#published) {
      if (id === current?.id) continue
      this.#published.delete(id)
      await purge(MODELS, `model.${run}.${payload.id}.*`)
    }
    for (const { owner } of this.owners) await purge(updatesOf(owner), `upd.${ownerToken(owner)}.${run}.>`)
  }
}

const NOT_MERGED = 'nothing of it was merged'
const RESUME = 'the round does not count: resume the run once the owners are back'

/** An owner that hands in what cannot be merged, again and again. */
const given = (owner: KnownOwner, round: number, error: FedunifyError) =>
  failure(
    owner,
    'E_UPDATE',
    `handed in nothing that can be merged in round ${round}, ${ATTEMPTS} times: ${error.message}`,
    'every finished round is kept: fedunify serve --resume goes on from there',
  )

const failure = ({ owner, name }: KnownOwner, code: ErrorCode, what: string, hint: string) =>
  new FedunifyError(code, `owner ${name} ${what}`, hint, { owner })

/** Whether an owner may fail with this code here: it must not end the server as an interruption or a missed gate does. */
const isOwners = (code: string): code is ErrorCode =>
  Object.hasOwn(ERRORS, code) && ['usage', 'data', 'training'].includes(ERRORS[code as ErrorCode].kind)

/** @throws FedunifyError (training) if an owner answers with something else */
export function expect<W extends Reply['what']>(reply: Reply, what: W, owner: KnownOwner): ReplyOf<W> {
  if (reply.what === what) return reply as ReplyOf<W>
  if (reply.what === 'refused') {
    throw failure(
      owner,
      'E_OWNER_REFUSED',
      `refuses: ${reply.reasons.join('; ').slice(0, 1000)}`,
      'its policy is its own: ask the owner',
    )
  }
  if (reply.what !== 'failed')
    throw failure(owner, 'E_PROTOCOL', `answered ${reply.what}, expected ${what}`, NOT_MERGED)
  const { code, message, hint, round, tensor } = reply
  const known = isOwners(code) ? code : 'E_OWNER_FAILED'
  throw new FedunifyError(known, `owner ${owner.name}: ${message.slice(0, 1000)}`, hint ?? undefined, {
    owner: owner.owner,
    ...(round !== null && { round }),
    ...(tensor !== null && { tensor }),
  })
}
