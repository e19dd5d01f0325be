import type { NatsConnection } from '@nats-io/transport-node'
import { pMapIterable } from 'p-map'
import type { Evaluation } from '../../engine/engine.ts'
import type { Unmasking } from '../../privacy/masks/dropouts/unmasking.ts'
import type { Weights } from '../../weights/weights.ts'
import type {
  Cohort,
  HeadOwners,
  ModelRef,
  OwnerCard,
  OwnerProgress,
  OwnerStates,
  RoundTask,
  Update,
} from '../cohort.ts'
import type { Disclosed } from '../disclosure.ts'
import type { UnderWay } from '../masked-rounds.ts'
import type { Traffic } from '../traffic.ts'
import { withProgress } from '../with-progress.ts'
import { listen, liveReader } from './live.ts'
import { NatsHeads } from './nats-heads.ts'
import { NatsMaskedSums } from './nats-masked-sums.ts'
import { NatsMasks } from './nats-masks.ts'
import { NatsOwners } from './nats-owners.ts'
import { type NatsCohortSettings, shares } from './nats-settings.ts'
import { type Answer, committedBefore, NatsUpdates } from './nats-updates.ts'
import { persist } from './persist.ts'
import type { KnownOwner, ServerPost } from './server-post.ts'
import { updatesOf } from './streams.ts'

/** Updates that are fetched before their turn: each is a model in memory. */
const AHEAD = 2

/** Owners elsewhere, asked over the broker. */
export class NatsCohort implements Cohort {
  readonly owners: readonly OwnerCard[]
  readonly heads: HeadOwners | undefined
  readonly real: true | undefined
  readonly #owners: NatsOwners
  readonly #post: ServerPost
  readonly #connection: NatsConnection
  readonly #live = liveReader()
  /** Whether the owners have the model that is published next: this run had sent it before it was interrupted. */
  #known = false
  readonly #updates: NatsUpdates
  readonly #masks: NatsMasks | undefined
  #unmasking: Unmasking | undefined
  /** Models that owners train from, once for each owner or round. */
  readonly #needed: ModelRef[] = []

  constructor(post: ServerPost, connection: NatsConnection, settings: NatsCohortSettings) {
    this.owners = settings.cards
    this.real = settings.real || undefined
    this.#owners = new NatsOwners(post, connection, settings)
    this.#updates = new NatsUpdates(this.#owners)
    this.restore(0)
    this.#masks = settings.masks && new NatsMasks(this.#owners, settings.masks)
    this.heads = settings.sums && new NatsHeads(this.#owners, settings.sums, maskedSums(this.#owners))
    this.#post = post
    this.#connection = connection
  }

  async publish(model: Weights, to?: readonly number[]): Promise<ModelRef> {
    const { ref, size } = await this.#owners.models.publish(model, this.real)
    // Others fetch a model to evaluate it. One that evaluates none fetches those that it trains from.
    for (const [i, card] of this.owners.entries()) {
      if (shares(card) && !this.#known && (to?.includes(card.owner) ?? true)) this.#owners.traffic.down(i, size)
    }
    this.#known = false
    return ref
  }

  train(task: RoundTask, signal: AbortSignal): AsyncIterable<OwnerProgress | Update> {
    const { run } = this.#owners.settings
    const owners = this.#post.settings.owners.filter(({ owner }) => task.only?.includes(owner) ?? true)
    return withProgress<OwnerProgress, Update>((report) => {
      if (task.model) this.#needed.push(task.model)
      const only = owners.length === 1 ? owners[0]!.owner : undefined
      const live = listen(this.#connection, this.#live, only, ({ owner, progress, ...told }) => {
        if (!progress || told.run !== run || told.round !== task.round) return
        this.#owners.disclosed.message(owner, 'progress', progress)
        const { loss, ...rest } = progress
        report({ type: 'owner-progress', round: task.round, owner, ...rest, loss: loss ?? undefined })
      })
      const done = () => {
        live.close()
        if (task.model) this.#needed.splice(this.#needed.indexOf(task.model), 1)
      }
      return this.#trainAll(owners, task, this.#owners.orFenced(signal), done)
    })
  }

  async *#trainAll(
    owners: readonly KnownOwner[],
    task: RoundTask,
    signal: AbortSignal,
    done: () => void,
  ): AsyncGenerator<Update> {
    try {
      await this.#forget(owners)
      if (this.#masks) return yield* this.#trainMasked(owners, task, this.#masks, signal)
      const asked = owners.map((owner) => this.#updates.ask(owner, task, 0, signal))
      // A rejection is looked at when its turn comes.
      for (const one of asked) one.catch(() => {})
      const { minOwners } = this.#owners.settings
      const present = await this.#owners.inTime(asked, Math.min(minOwners, asked.length))
      if (minOwners < this.owners.length) {
        this.#owners.present = (await Promise.all(present)).map(({ owner }) => owner)
      }
      yield* pMapIterable(present, (answer) => this.#updates.fetch(answer, task, signal), { concurrency: AHEAD })
      // What comes now is written: not by one that slept while another server took over.
      await this.#post.hold(signal)
    } finally {
      done()
    }
  }

  async *#trainMasked(
    owners: readonly KnownOwner[],
    task: RoundTask,
    masks: NatsMasks,
    signal: AbortSignal,
  ): AsyncGenerator<Update> {
    const place = { round: task.round, committed: committedBefore(task) }
    const ask = (owner: KnownOwner, under: UnderWay) => this.#updates.ask(owner, { ...task, under }, 0, signal)
    const { under, answers, unmasking } = await masks.round(place, owners, ask, signal)
    const fetch = (answer: Answer) => masks.lasting(this.#updates.fetch(answer, { ...task, under }, signal))
    yield* pMapIterable(answers, fetch, { concurrency: AHEAD })
    this.#unmasking = await unmasking()
    const gone = owners.filter((owner) => answers.every((answer) => answer.owner !== owner))
    this.#owners.present = this.#post.settings.owners.filter((owner) => !gone.includes(owner))
    await this.#post.hold(signal)
  }

  unmasking(): Unmasking | undefined {
    return this.#unmasking
  }

  evaluate(model: ModelRef, signal: AbortSignal): Promise<ReadonlyMap<number, Evaluation>> {
    return this.#owners.evaluate(model, undefined, signal)
  }

  /** They keep theirs. */
  states = (): OwnerStates => new Map()
  restore(round: number): void {
    this.#known = round > 0
    for (const { owner } of this.owners) this.#owners.committed.set(owner, round)
  }

  takeTraffic(): Traffic[] {
    return this.#owners.traffic.take()
  }

  takeDisclosed(): Disclosed[] {
    return this.#owners.disclosed.take()
  }

  async close(): Promise<void> {}

  /** Nobody needs older models, and what these owners sent of the round before. */
  async #forget(owners: readonly KnownOwner[]): Promise<void> {
    const { models } = this.#owners
    // Without waiting, what was published last is still to be scored, or trained from.
    await models.keepOnly(this.real && models.last ? [...this.#needed, models.last] : this.#needed)
    const { signal } = this.#post.settings
    // All at once: on a long line each takes its time.
    const purge = (owner: number) => persist(() => this.#post.jsm.streams.purge(updatesOf(owner)), signal)
    await Promise.all(owners.map(({ owner }) => purge(owner)))
  }
}

function maskedSums(owners: NatsOwners): NatsMaskedSums | undefined {
  const { sums, masks } = owners.settings
  if (!sums || masks?.headRange === undefined) return undefined
  return new NatsMaskedSums(owners, new NatsMasks(owners, masks, 'head'), { sizes: sums, range: masks.headRange })
}
