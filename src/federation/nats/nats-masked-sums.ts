import { pMapIterable } from 'p-map'
import type { Sealed } from '../../algorithm/sealed-fold.ts'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import { FedunifyError } from '../../errors.ts'
import { idOf } from '../../privacy/masks/masked-round.ts'
import { MaskedSum } from '../../privacy/masks/masked-sum.ts'
import { wordsOfBytes } from '../../privacy/masks/words.ts'
import type { ModelRef } from '../cohort.ts'
import { MASKED } from '../disclosure.ts'
import { bytesOfSums, lengthOfSums, sumsOfWords } from '../head-words.ts'
import type { UnderWay } from '../masked-rounds.ts'
import { digitsOf, imagesOf } from '../owner-head-masks.ts'
import type { NatsMasks } from './nats-masks.ts'
import type { NatsOwners } from './nats-owners.ts'
import { maskedTask } from './nats-updates.ts'
import { expect, failure, NOT_MERGED } from './owner-answers.ts'
import type { StatisticsBounds } from './read-statistics.ts'
import type { KnownOwner } from './server-post.ts'
import type { ReplyOf } from './wire.ts'

/** Vectors that are fetched before their turn. */
const AHEAD = 2

interface Bounds {
  readonly sizes: StatisticsBounds['sizes']
  /** As all owners know it. */
  readonly range: number
}

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
  readonly #bounds: Bounds

  constructor(owners: NatsOwners, masks: NatsMasks, bounds: Bounds) {
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

  /** Checked as far as it can be: each word may be anything. */
  async #read({ owner, attempt, reply }: Answer, { round }: UnderWay, signal: AbortSignal): Promise<Sealed> {
    const { sizes, range } = this.#bounds
    const refuse = (what: string) =>
      new FedunifyError('E_UPDATE', `the masked sums of owner ${owner.name} in round ${round.round} ${what}`, NOT_MERGED, { owner: owner.owner, round: round.round }) // biome-ignore format: one line
    if (reply.round !== round.round || reply.attempt !== attempt) {
      throw failure(owner, 'E_UPDATE', `summed for round ${reply.round}, attempt ${reply.attempt}`, NOT_MERGED)
    }
    const most = bytesOfSums(sizes)
    const bytes = await this.#owners.fetch(owner, reply.payload, { what: 'file of sums', most }, signal)
    this.#owners.disclosed.note(owner.owner, 'statistics', MASKED, bytes.length)
    const { dtype, scale } = reply.payload
    const expected = 2 ** digitsOf(round, range)
    if (reply.masked !== idOf(round)) throw refuse('are of another attempt or another list of owners')
    if (dtype !== 'uint64' || scale !== expected) throw refuse(`are in ${dtype} of scale ${scale}, not ${expected}`)
    if (bytes.length !== most) throw refuse(`have ${bytes.length} bytes, not ${most}`)
    return { round, id: reply.masked, words: wordsOfBytes(bytes) }
  }
}
