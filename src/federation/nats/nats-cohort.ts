import type { NatsConnection } from '@nats-io/transport-node'
import { pMapIterable } from 'p-map'
import type { Evaluation } from '../../engine/engine.ts'
import { FedunifyError, messageOf } from '../../errors.ts'
import { flatten } from '../../weights/named.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Cohort, ModelRef, OwnerCard, OwnerProgress, OwnerStates, RoundTask, Update } from '../cohort.ts'
import { type Disclosed, DisclosureCount, weightFields } from '../disclosure.ts'
import { type Traffic, TrafficCount } from '../traffic.ts'
import { withProgress } from '../with-progress.ts'
import { miscounted } from './check-evaluation.ts'
import { fromWire } from './evaluations.ts'
import { liveReader } from './live.ts'
import { answersInTime, expect, failure, NOT_MERGED, RESUME } from './owner-answers.ts'
import { getPayload } from './payloads.ts'
import { persist } from './persist.ts'
import { PublishedModels } from './published-models.ts'
import { mostOfUpdate, readUpdate, type UpdateBounds } from './read-update.ts'
import type { Ask, KnownOwner, ServerPost } from './server-post.ts'
import { updatesOf } from './streams.ts'
import { contentOf, ownerToken, type Reply, type ReplyOf } from './wire.ts'

/** Updates that are fetched before their turn: each is a model in memory. */
const AHEAD = 2
/** How often an owner may hand in what cannot be merged, in one round. */
const ATTEMPTS = 3
/** How often an owner may say of one task that the broker has lost what it needs. */
const LOSSES = 20

interface Answer {
  readonly owner: KnownOwner
  readonly attempt: number
  readonly reply: ReplyOf<'update'>
}

export interface NatsCohortSettings
  extends Omit<UpdateBounds, 'base' | 'trainImages' | 'testImages' | 'labels' | 'evaluate'> {
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
  readonly #models: PublishedModels
  readonly #traffic: TrafficCount
  readonly #disclosed: DisclosureCount
  /** Owners that took part in the round under way, or the last one. */
  #present: readonly KnownOwner[]
  readonly #live = liveReader()
  /** Whether the owners have the model that is published next: this run had sent it before it was interrupted. */
  #known = false
  /** Rounds that are on the server's disk: an owner may forget what it kept of them. */
  #committed = 0

  constructor(post: ServerPost, connection: NatsConnection, settings: NatsCohortSettings) {
    this.owners = settings.cards
    this.#traffic = new TrafficCount(settings.cards)
    this.#disclosed = new DisclosureCount(settings.cards)
    this.#post = post
    this.#models = new PublishedModels(post, settings.run)
    this.#present = post.settings.owners
    this.#connection = connection
    this.#settings = settings
  }

  async publish(model: Weights, to?: readonly number[]): Promise<ModelRef> {
    const { ref, size } = await this.#models.publish(model)
    // Others fetch a model to evaluate it. One that evaluates none fetches those that it trains from.
    for (const [i, card] of this.owners.entries()) {
      if (shares(card) && !this.#known && (to?.includes(card.owner) ?? true)) this.#traffic.down(i, size)
    }
    this.#known = false
    return ref
  }

  train(task: RoundTask, signal: AbortSignal): AsyncIterable<OwnerProgress | Update> {
    const { run } = this.#settings
    return withProgress<OwnerProgress, Update>((report) => {
      const live = this.#connection.subscribe('live.*', {
        callback: (error, { subject, data }) => {
          const told = error ? undefined : this.#live(subject, data)
          if (told?.progress && told.run === run && told.round === task.round) {
            this.#disclosed.message(told.owner, 'progress', told.progress)
            const { loss, ...progress } = told.progress
            report({
              type: 'owner-progress',
              round: task.round,
              owner: told.owner,
              ...progress,
              loss: loss ?? undefined,
            })
          }
        },
      })
      return this.#trainAll(task, this.#orFenced(signal), () => live.unsubscribe())
    })
  }

  async *#trainAll(task: RoundTask, signal: AbortSignal, done: () => void): AsyncGenerator<Update> {
    try {
      await this.#forget(task.model)
      const asked = this.#post.settings.owners
        .filter(({ owner }) => task.only?.includes(owner) ?? true)
        .map((owner) => this.#ask(owner, task, 0, signal))
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

  async evaluate(model: ModelRef, given: AbortSignal): Promise<ReadonlyMap<number, Evaluation>> {
    const signal = this.#orFenced(given)
    const able = this.#present.filter((owner) => shares(this.#card(owner)))
    const asked = able.map(async (owner) => [owner.owner, await this.#score(owner, model, signal)] as const)
    const others = this.#present.length - able.length
    return new Map(await Promise.all(await this.#inTime(asked, this.#settings.minOwners - others)))
  }

  async #score(owner: KnownOwner, model: ModelRef, signal: AbortSignal): Promise<Evaluation> {
    for (let times = 0; ; times++) {
      const payload = this.#models.payload(model)
      const ask = { what: 'evaluate', committed: this.#committed, round: 0, model: payload } as const
      const reply = await this.#answer(owner, ask, signal)
      if (times < LOSSES && (await this.#models.putAgain(reply, payload, signal))) continue
      const { evaluation } = expect(reply, 'evaluation', owner)
      this.#disclosed.message(owner.owner, 'evaluation', contentOf(reply))
      const card = this.#card(owner)
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
    this.#known = round > 0
    this.#committed = round
  }

  takeTraffic(): Traffic[] {
    return this.#traffic.take()
  }

  takeDisclosed(): Disclosed[] {
    return this.#disclosed.take()
  }

  async close(): Promise<void> {}

  /** Tasks also end if another server takes over. */
  #orFenced(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#post.settings.signal])
  }

  #place({ owner }: KnownOwner): number {
    return this.owners.findIndex((card) => card.owner === owner)
  }

  #card(owner: KnownOwner) {
    return this.#settings.cards[this.#place(owner)]!
  }

  #inTime<T>(asked: readonly Promise<T>[], least = this.#settings.minOwners) {
    return answersInTime(asked, least, this.#post.settings.note)
  }

  /** Nobody needs older models, and what the owners sent of the round before. */
  async #forget(current: ModelRef | undefined): Promise<void> {
    await this.#models.keepOnly(current)
    const { signal } = this.#post.settings
    // All at once: on a long line each takes its time.
    const purge = (owner: number) => persist(() => this.#post.jsm.streams.purge(updatesOf(owner)), signal)
    await Promise.all(this.owners.map(({ owner }) => purge(owner)))
  }

  async #ask(owner: KnownOwner, task: RoundTask, attempt: number, signal: AbortSignal): Promise<Answer> {
    const instruction = flatten(task.instruct(owner.owner))
    const extra = instruction.size > 0 ? encodeSafetensors(instruction) : undefined
    const card = this.#card(owner)
    // It has the model already if this is not the first attempt.
    if (!shares(card) && task.model && attempt === 0)
      this.#traffic.down(this.#place(owner), this.#models.size(task.model))
    for (let times = 0; ; times++) {
      const model = task.model && this.#models.payload(task.model)
      const sent = extra ? await this.#models.putExtra(extra, signal) : null
      if (extra) this.#traffic.down(this.#place(owner), extra.length)
      const { round, lr } = task
      const ask = { what: 'train', committed: round - 1, round, attempt, lr, model: model ?? null } as const
      const more = {
        instruction: sent,
        evaluate: shares(card) && task.evaluate,
        evaluate_received: shares(card) && task.evaluateReceived(owner.owner),
      }
      const reply = await this.#answer(owner, { ...ask, ...more }, signal)
      if (times < LOSSES && (await this.#models.putAgain(reply, model, signal))) continue
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
    const bytes = await getPayload(this.#post.bulk, updatesOf(owner.owner), prefix, reply.payload, limits)
    if (!bytes) throw failure(owner, 'E_PAYLOAD', 'handed in an update that is not at the broker', NOT_MERGED)
    this.#traffic.up(this.#place(owner), bytes.length)
    // Also of one that is refused below: it has left its owner.
    this.#disclosed.note(owner.owner, 'weights', weightFields(this.#settings.sends), bytes.length)
    this.#disclosed.message(owner.owner, 'update', contentOf(reply))
    const card = this.#card(owner)
    const base = task.model && this.#models.weights(task.model)
    return readUpdate(reply, bytes, owner.name, { ...this.#settings, ...card, base, evaluate: task.evaluate })
  }
}

/** Whether an owner tells how good a model is. */
const shares = ({ testImages }: OwnerCard): boolean => testImages !== undefined

/** An owner that hands in what cannot be merged, again and again. */
const given = (owner: KnownOwner, round: number, error: FedunifyError) =>
  failure(
    owner,
    'E_UPDATE',
    `handed in nothing that can be merged in round ${round}, ${ATTEMPTS} times: ${error.message}`,
    'every finished round is kept: fedunify serve --resume goes on from there',
  )
