import type { HeadWeights } from '../../algorithm/head/head.ts'
import type { Evaluation } from '../../engine/engine.ts'
import { addStatistics, type HeadStatistics } from '../../engine/head-statistics.ts'
import type { HeadOwners, ModelRef } from '../cohort.ts'
import { STATISTICS } from '../disclosure.ts'
import { headTensors } from '../head-tensors.ts'
import type { NatsMaskedSums } from './nats-masked-sums.ts'
import type { NatsOwners } from './nats-owners.ts'
import { expect, failure, NOT_MERGED } from './owner-answers.ts'
import { mostOfStatistics, readStatistics, type StatisticsBounds } from './read-statistics.ts'
import type { KnownOwner } from './server-post.ts'
import type { ReplyOf } from './wire.ts'

interface Answer {
  readonly attempt: number
  readonly reply: ReplyOf<'statistics'>
}

/** What owners elsewhere do for a head: those of them that took part in the round. */
export class NatsHeads implements HeadOwners {
  readonly #owners: NatsOwners
  readonly #sizes: StatisticsBounds['sizes']

  readonly #masked: NatsMaskedSums | undefined

  /** @param masked if owners mask their sums */
  constructor(owners: NatsOwners, sizes: StatisticsBounds['sizes'], masked?: NatsMaskedSums) {
    this.#owners = owners
    this.#sizes = sizes
    this.#masked = masked
  }

  async summarise(model: ModelRef, round: number, given: AbortSignal): Promise<HeadStatistics> {
    const signal = this.#owners.orFenced(given)
    if (this.#masked) return await this.#masked.sum(model, round, signal)
    const asked = this.#owners.present.map((owner) => this.#summed(owner, model, round, signal))
    return addStatistics(await Promise.all(await this.#owners.inTime(asked)))
  }

  async evaluate(model: ModelRef, head: HeadWeights, signal: AbortSignal): Promise<ReadonlyMap<number, Evaluation>> {
    const { ref, size } = await this.#owners.models.publish(headTensors(head))
    for (const owner of this.#owners.scoring) this.#owners.traffic.down(this.#owners.place(owner), size)
    return await this.#owners.evaluate(model, ref, signal)
  }

  async #summed(owner: KnownOwner, model: ModelRef, round: number, signal: AbortSignal): Promise<HeadStatistics> {
    const again = async (attempt: number): Promise<Answer> => {
      const prepare = () => {
        const committed = this.#owners.committed.get(owner.owner)!
        const payload = this.#owners.models.payload(model)
        return { ask: { what: 'summarise', committed, round, attempt, model: payload } as const, models: [payload] }
      }
      const reply = expect(await this.#owners.ask(owner, prepare, signal), 'statistics', owner)
      return { attempt, reply }
    }
    const read = (answer: Answer) => this.#read(owner, answer, round, signal)
    return await this.#owners.taken(owner, round, await again(0), read, again, signal)
  }

  async #read(owner: KnownOwner, { attempt, reply }: Answer, round: number, signal: AbortSignal) {
    if (reply.round !== round || reply.attempt !== attempt) {
      throw failure(owner, 'E_UPDATE', `summed for round ${reply.round}, attempt ${reply.attempt}`, NOT_MERGED)
    }
    const limits = { what: 'file of sums', most: mostOfStatistics(this.#sizes) }
    const bytes = await this.#owners.fetch(owner, reply.payload, limits, signal)
    this.#owners.disclosed.note(owner.owner, 'statistics', STATISTICS, bytes.length)
    return readStatistics(reply, bytes, owner.name, { sizes: this.#sizes, ...this.#owners.card(owner) })
  }
}
