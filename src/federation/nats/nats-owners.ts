import type { NatsConnection } from '@nats-io/transport-node'
import type { Evaluation } from '../../engine/engine.ts'
import { FedunifyError, messageOf } from '../../errors.ts'
import type { ModelRef } from '../cohort.ts'
import { DisclosureCount } from '../disclosure.ts'
import { TrafficCount } from '../traffic.ts'
import { Beside } from './beside.ts'
import { miscounted } from './check-evaluation.ts'
import { fromWire } from './evaluations.ts'
import { type Card, type NatsCohortSettings, shares } from './nats-settings.ts'
import { answersInTime, expect, failure, NOT_MERGED, RESUME, STAYS_MASKED } from './owner-answers.ts'
import { getPayload } from './payloads.ts'
import { PublishedModels } from './published-models.ts'
import type { Ask, KnownOwner, ServerPost } from './server-post.ts'
import { updatesOf } from './streams.ts'
import { contentOf, ownerToken, type Reply, type WirePayload } from './wire.ts'

/** How often an owner may hand in what cannot be used, in one round. */
const ATTEMPTS = 3
/** How often an owner may say of one task that the broker has lost what it needs. */
const LOSSES = 20

/** A task, and the models that it names: the broker may lose them. */
export interface Prepared {
  readonly ask: Ask
  readonly models: readonly WirePayload[]
}

/** The owners of a run as its server asks them, and what went to and fro. */
export class NatsOwners {
  readonly post: ServerPost
  readonly settings: NatsCohortSettings
  readonly models: PublishedModels
  readonly traffic: TrafficCount
  readonly disclosed: DisclosureCount
  /** Owners that took part in the round under way, or the last one. */
  present: readonly KnownOwner[]
  /** Of each owner, its rounds that are on the server's disk: it may forget what it kept of them. */
  readonly committed = new Map<number, number>()
  /** Undefined if an owner does one thing at a time. */
  readonly #beside: Beside | undefined

  constructor(post: ServerPost, connection: NatsConnection, settings: NatsCohortSettings) {
    this.post = post
    this.#beside = settings.real ? new Beside(connection, post.settings) : undefined
    this.settings = settings
    this.models = new PublishedModels(post, settings.run)
    this.traffic = new TrafficCount(settings.cards)
    this.disclosed = new DisclosureCount(settings.cards)
    this.present = post.settings.owners
  }

  place({ owner }: Pick<KnownOwner, 'owner'>): number {
    return this.settings.cards.findIndex((card) => card.owner === owner)
  }

  card(owner: KnownOwner): Card {
    return this.settings.cards[this.place(owner)]!
  }

  /** Of those that take part, those that tell how good a model is. */
  get scoring(): KnownOwner[] {
    return this.present.filter((owner) => shares(this.card(owner)))
  }

  inTime<T>(asked: readonly Promise<T>[], least = this.settings.minOwners) {
    return answersInTime(asked, least, this.post.settings.note)
  }

  /** @param head in the place of the model's last layer; undefined: that one */
  async evaluate(
    model: ModelRef,
    head: ModelRef | undefined,
    given: AbortSignal,
  ): Promise<ReadonlyMap<number, Evaluation>> {
    const signal = this.orFenced(given)
    const able = this.scoring
    const asked = able.map(async (owner) => [owner.owner, await this.#score(owner, model, head, signal)] as const)
    const others = this.present.length - able.length
    return new Map(await Promise.all(await this.inTime(asked, this.settings.minOwners - others)))
  }

  async #score(owner: KnownOwner, model: ModelRef, head: ModelRef | undefined, signal: AbortSignal) {
    const prepare = () => {
      const [payload, last] = [this.models.payload(model), head ? this.models.payload(head) : null]
      const committed = this.committed.get(owner.owner)!
      const ask = { what: 'evaluate', committed, round: 0, model: payload, head: last } as const
      return { ask, models: last ? [payload, last] : [payload] }
    }
    const reply = await this.ask(owner, prepare, signal)
    const { evaluation } = expect(reply, 'evaluation', owner)
    this.disclosed.message(owner.owner, 'evaluation', contentOf(reply))
    const wrong = evaluation
      ? miscounted(evaluation, { ...this.card(owner), classes: this.settings.classes })
      : 'is missing, and this run needs it'
    if (!evaluation || wrong) throw failure(owner, 'E_UPDATE', `sent an evaluation that ${wrong}`, NOT_MERGED)
    return fromWire(evaluation)
  }

  /** Tasks also end if another server takes over. */
  orFenced(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.post.settings.signal])
  }

  /**
   * Asks until the broker has not lost what the task needs.
   * @param prepare puts what is needed to the broker, and makes the task; `models` are those that it names
   * @throws FedunifyError (training) if the owner does not answer in time
   */
  async ask(owner: KnownOwner, prepare: () => Prepared | Promise<Prepared>, signal: AbortSignal): Promise<Reply> {
    for (let times = 0; ; times++) {
      const { ask, models } = await prepare()
      const reply = await this.#answer(owner, ask, signal)
      if (times >= LOSSES || !(await this.models.putAgain(reply, models, signal))) return reply
    }
  }

  async #answer(owner: KnownOwner, ask: Ask, signal: AbortSignal): Promise<Reply> {
    const { deadline } = this.settings
    // Who scores a model while it trains is asked beside that.
    const line = (ask.what === 'evaluate' && this.#beside) || this.post
    if (deadline === undefined) return await line.ask(owner.owner, ask, signal)
    const late = AbortSignal.timeout(1000 * deadline)
    try {
      return await line.ask(owner.owner, ask, AbortSignal.any([signal, late]))
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error
      const what = `did not answer within ${deadline} s (--deadline)`
      const masked = this.settings.masks && ask.what !== 'evaluate'
      throw failure(owner, 'E_OWNER_FAILED', what, masked ? STAYS_MASKED : RESUME)
    }
  }

  /**
   * What is read of an owner's answer; one that cannot be used is refused, and asked for again.
   * @param again asks for another attempt
   */
  async taken<A extends { readonly attempt: number }, T>(
    owner: KnownOwner,
    round: number,
    first: A,
    read: (answer: A) => Promise<T>,
    again: (attempt: number) => Promise<A>,
    signal: AbortSignal,
  ): Promise<T> {
    for (let answer = first; ; ) {
      try {
        return await read(answer)
      } catch (error) {
        if (signal.aborted || !(error instanceof FedunifyError)) throw error
        if (answer.attempt + 1 >= ATTEMPTS) throw given(owner, round, error)
        this.post.settings.note(`refused: ${messageOf(error)}; owner ${owner.name} is asked again`)
        answer = await again(answer.attempt + 1)
      }
    }
  }

  /** The bytes that an owner has handed in, counted. */
  async fetch(
    owner: KnownOwner,
    payload: WirePayload,
    { what, most }: { what: string; most: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const prefix = `upd.${ownerToken(owner.owner)}.${this.settings.run}`
    const limits = { most, signal, who: `the ${what} of owner ${owner.name}` }
    const bytes = await getPayload(this.post.bulk, updatesOf(owner.owner), prefix, payload, limits)
    const missing = `handed in ${what === 'update' ? 'an update' : `a ${what}`} that is not at the broker`
    if (!bytes) throw failure(owner, 'E_PAYLOAD', missing, NOT_MERGED)
    this.traffic.up(this.place(owner), bytes.length)
    return bytes
  }
}

/** An owner that hands in what cannot be merged, again and again. */
const given = (owner: KnownOwner, round: number, error: FedunifyError) =>
  failure(
    owner,
    'E_UPDATE',
    `handed in nothing that can be merged in round ${round}, ${ATTEMPTS} times: ${error.message}`,
    'every finished round is kept: fedunify serve --resume goes on from there',
  )
