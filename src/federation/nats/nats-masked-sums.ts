import { pMapIterable } from 'p-map'
import type { Sealed } from '../../algorithm/sealed-fold.ts'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { MaskedSum } from '../../privacy/masks/masked-sum.ts'
import type { ModelRef } from '../cohort.ts'
import { MASKED } from '../disclosure.ts'
import { bytesOfSums, lengthOfSums, sumsOfWords } from '../head-words.ts'
import type { UnderWay } from '../masked-rounds.ts'
import { digitsOf, imagesOf } from '../owner-head-masks.ts'
import type { NatsMasks } from './nats-masks.ts'
import type { NatsOwners } from './nats-owners.ts'
import { maskedTask } from './nats-updates.ts'
import { expect, failure, NOT_MERGED } from './owner-answers.ts'
import { type MaskedSumsBounds, readMaskedSums } from './read-masked-sums.ts'
import type { KnownOwner } from './server-post.ts'
import type { ReplyOf } from './wire.ts'

/** Vectors that are fetched before their turn. */
const AHEAD = 2

interface Asked {
  readonly model: ModelRef
  readonly under: UnderWay
}

interface Answer {
  readonly owner: KnownOwner
  readonly attempt: number
  readonly reply: ReplyOf<'statistics'>
}

/** The sums for a head that owners elsewhere hand in under masks: all of them, or there is no head. */
export class NatsMaskedSums {
  readonly #owners: NatsOwners
  readonly #masks: NatsMasks
  readonly #bounds: MaskedSumsBounds

  constructor(owners: NatsOwners, masks: NatsMasks, bounds: MaskedSumsBounds) {
    this.#owners = owners
    this.#masks = masks
    this.#bounds = bounds
  }

  async sum(model: ModelRef, round: number, signal: AbortSignal): Promise<HeadStatistics> {
    const { sizes, range } = this.#bounds
    const { present } = this.#owners
    const committed = this.#owners.committed.get(present[0]!.owner)!
    const ask = (owner: KnownOwner, under: UnderWay) => this.#ask(owner, { model, under }, 0, signal)
    const { under, answers } = await this.#masks.round({ round, committed }, present, ask, signal)
    const sum = new MaskedSum(under.round, lengthOfSums(sizes))
    const fetch = async (first: Answer) => {
      const read = (answer: Answer) => this.#read(answer, under, signal)
      const again = (attempt: number) => this.#ask(first.owner, { model, under }, attempt, signal)
      const taken = this.#owners.taken(first.owner, round, first, read, again, signal)
      return [first.owner.owner, await this.#masks.lasting(taken)] as const
    }
    for await (const [owner, sealed] of pMapIterable(answers, fetch, { concurrency: AHEAD })) sum.add(owner, sealed)
    const images = imagesOf(under.round.owners)
    return sumsOfWords(sum.finish(), { ...sizes, images }, digitsOf(under.round, range))
  }

  async #ask(owner: KnownOwner, { model, under }: Asked, attempt: number, signal: AbortSignal): Promise<Answer> {
    const prepare = () => {
      const committed = this.#owners.committed.get(owner.owner)!
      const payload = this.#owners.models.payload(model)
      const { round } = under.round
      const task = { what: 'summarise', committed, round, attempt, model: payload } as const
      return { ask: { ...task, masked: maskedTask(under, owner.owner) }, models: [payload] }
    }
    return { owner, attempt, reply: expect(await this.#owners.ask(owner, prepare, signal), 'statistics', owner) }
  }

  async #read({ owner, attempt, reply }: Answer, { round }: UnderWay, signal: AbortSignal): Promise<Sealed> {
    if (reply.round !== round.round || reply.attempt !== attempt) {
      throw failure(owner, 'E_UPDATE', `summed for round ${reply.round}, attempt ${reply.attempt}`, NOT_MERGED)
    }
    const limits = { what: 'file of sums', most: bytesOfSums(this.#bounds.sizes) }
    const bytes = await this.#owners.fetch(owner, reply.payload, limits, signal)
    this.#owners.disclosed.note(owner.owner, 'statistics', MASKED, bytes.length)
    return readMaskedSums(reply, bytes, owner.name, { ...this.#bounds, round })
  }
}
