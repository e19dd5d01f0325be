import { flatten } from '../../weights/named.ts'
import { encodeSafetensors } from '../../weights/safetensors.ts'
import type { RoundTask, Update } from '../cohort.ts'
import { MASKED, weightFields } from '../disclosure.ts'
import type { UnderWay } from '../masked-rounds.ts'
import type { NatsOwners } from './nats-owners.ts'
import { shares } from './nats-settings.ts'
import { expect, failure, NOT_MERGED } from './owner-answers.ts'
import { readMasked } from './read-masked.ts'
import { mostOfUpdate, readUpdate } from './read-update.ts'
import type { KnownOwner } from './server-post.ts'
import { contentOf, type ReplyOf, type TaskOf } from './wire.ts'

export interface Answer {
  readonly owner: KnownOwner
  readonly attempt: number
  readonly reply: ReplyOf<'update'>
}

/** A round's task, and the try at it if it is under masks. */
export interface Asked extends RoundTask {
  readonly under?: UnderWay
}

/** Of the owners' rounds, how many are kept for good when a round begins. */
export const committedBefore = ({ kept, round }: RoundTask): number => kept ?? round - 1

/** Asks owners elsewhere for their updates, and reads them. */
export class NatsUpdates {
  readonly #owners: NatsOwners

  constructor(owners: NatsOwners) {
    this.#owners = owners
  }

  async ask(owner: KnownOwner, task: Asked, attempt: number, signal: AbortSignal): Promise<Answer> {
    const { models, traffic } = this.#owners
    const committed = committedBefore(task)
    this.#owners.committed.set(owner.owner, committed)
    const instruction = flatten(task.instruct(owner.owner))
    const extra = instruction.size > 0 ? encodeSafetensors(instruction) : undefined
    const [card, place] = [this.#owners.card(owner), this.#owners.place(owner)]
    // It has the model already if this is not the first attempt.
    if (!shares(card) && task.model && attempt === 0) traffic.down(place, models.size(task.model))
    const prepare = async () => {
      const model = task.model && models.payload(task.model)
      const sent = extra ? await models.putExtra(extra, signal) : null
      if (extra) traffic.down(place, extra.length)
      const { round, lr } = task
      const ask = {
        ...({ what: 'train', committed, round, attempt, lr, model: model ?? null } as const),
        instruction: sent,
        evaluate: shares(card) && task.evaluate,
        evaluate_received: shares(card) && task.evaluateReceived(owner.owner),
        ...(task.under && { masked: maskedTask(task.under, owner.owner) }),
      }
      return { ask, models: model ? [model] : [] }
    }
    const reply = expect(await this.#owners.ask(owner, prepare, signal), 'update', owner)
    return { owner, attempt, reply }
  }

  /** Fetches an update and checks it; one that cannot be merged is refused, and asked for again. */
  fetch(first: Answer, task: Asked, signal: AbortSignal): Promise<Update> {
    const { owner } = first
    const read = (answer: Answer) => this.#read(answer, task, signal)
    const again = (attempt: number) => this.ask(owner, task, attempt, signal)
    return this.#owners.taken(owner, task.round, first, read, again, signal)
  }

  async #read({ owner, attempt, reply }: Answer, task: Asked, signal: AbortSignal): Promise<Update> {
    const { settings, models, disclosed } = this.#owners
    if (reply.round !== task.round || reply.attempt !== attempt) {
      throw failure(owner, 'E_UPDATE', `handed in round ${reply.round}, attempt ${reply.attempt}`, NOT_MERGED)
    }
    const bytes = await this.#owners.fetch(
      owner,
      reply.payload,
      { what: 'update', most: mostOfUpdate(settings) },
      signal,
    )
    const base = task.model && models.weights(task.model)
    const bounds = { ...settings, ...this.#owners.card(owner), base, evaluate: task.evaluate }
    // Also of one that is refused below: it has left its owner.
    disclosed.message(owner.owner, 'update', contentOf(reply))
    if (task.under) {
      disclosed.note(owner.owner, 'masked', MASKED, bytes.length)
      const asked = { bounds, masks: settings.masks!, round: task.under.round, base: base! }
      return readMasked(reply, bytes, owner.name, asked)
    }
    disclosed.note(owner.owner, 'weights', weightFields(settings.sends), bytes.length)
    return readUpdate(reply, bytes, owner.name, bounds)
  }
}

/** What an owner is given to mask what it hands in. */
export function maskedTask(under: UnderWay, owner: number): TaskOf<'train'>['masked'] {
  const { keys, shares } = under.taskOf(owner)
  return { attempt: under.round.attempt, keys: [...keys], shares: shares ? [...shares] : null }
}
