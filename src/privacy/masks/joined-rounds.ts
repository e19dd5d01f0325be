import { FedunifyError } from '../../errors.ts'
import { type Listed, listText, type MaskedRound } from './masked-round.ts'

/** What an owner remembers of a round that it has joined. */
export interface JoinedRound {
  readonly round: number
  /** The last one. */
  readonly attempt: number
  readonly owners: readonly Listed[]
  /** Whether it has masked a vector for this attempt. */
  readonly sealed: boolean
  /** The owners whose sum it has helped to unmask, in this attempt or an earlier one. */
  readonly opened?: readonly number[] | undefined
}

/** What an owner has to do with a round already: the last attempt that it has joined, with whom, and what it has opened. */
export interface Before extends Pick<JoinedRound, 'attempt' | 'opened'> {
  readonly owners: readonly number[]
}

/** What an owner has to keep, so that another process of it remembers the same. */
export interface KeptRounds {
  /** Rounds up to this one are done: it joins none of them. */
  readonly done: number
  readonly rounds: readonly JoinedRound[]
}

/**
 * The rounds of one run that an owner has joined. An owner trains the same update again if it is asked for the same round
 * again. A server that has a full sum, then says that it was lost and asks for the round without owner j, would have
 * owner j's update as the difference. So an owner joins a round again only with the owners of the first time, and helps
 * to unmask the sum of the same survivors only.
 */
export class JoinedRounds {
  readonly #owner: number
  readonly #joined: Map<number, JoinedRound>
  #done: number

  /** @param kept what an earlier process of this owner knew */
  constructor(owner: number, { done, rounds }: KeptRounds = { done: 0, rounds: [] }) {
    this.#owner = owner
    this.#done = done
    this.#joined = new Map(rounds.map((one) => [one.round, one]))
  }

  get kept(): KeptRounds {
    return { done: this.#done, rounds: [...this.#joined.values()] }
  }

  before(round: number): Before | undefined {
    const joined = this.#joined.get(round)
    return joined && { ...joined, owners: joined.owners.map(({ owner }) => owner) }
  }

  /** Rounds up to this one are done, so that none of them is joined again. */
  forget(done: number): void {
    this.#done = Math.max(done, this.#done)
    for (const round of this.#joined.keys()) if (round <= this.#done) this.#joined.delete(round)
  }

  /** @throws FedunifyError (training) if it must not join */
  join({ round, attempt, owners, threshold, of }: MaskedRound): void {
    const refuse = (what: string) => this.#refusal(round, what)
    if (round <= this.#done) throw refuse('is asked again for a round that is done')
    if (owners.length < 2) throw refuse(`is to be in a masked sum alone, which would show its ${partOf(of)}`)
    if (!owners.every(({ owner }, i) => i === 0 || owner > owners[i - 1]!.owner)) {
      throw refuse('was sent a list of owners that is out of order, or names one twice')
    }
    if (!owners.some(({ owner }) => owner === this.#owner))
      throw refuse('is not in the list of owners that it was sent')
    if (threshold !== undefined && (threshold <= owners.length / 2 || threshold > owners.length)) {
      throw refuse(`is asked for a threshold of ${threshold} of ${owners.length} owners, which is no majority`)
    }
    const before = this.#joined.get(round)
    if (before && listText(before.owners) !== listText(owners)) {
      throw refuse(
        `is asked again with other owners, and the difference of the two sums would show somebody's ${partOf(of)}`,
      )
    }
    if (before && attempt <= before.attempt) throw refuse(`is asked for attempt ${attempt} again`)
    this.#joined.set(round, { round, attempt, owners, sealed: false, opened: before?.opened })
  }

  /**
   * That it is about to mask a vector. Once for an attempt: what two vectors under the same masks differ by is plain.
   * @throws FedunifyError (training) if it has done so, or has joined another attempt since
   */
  seal(round: MaskedRound): void {
    const joined = this.#latest(round)
    if (joined.sealed) throw this.#refusal(round.round, `has masked its ${partOf(round.of)} of this attempt already`)
    this.#joined.set(round.round, { ...joined, sealed: true })
  }

  /**
   * Whether it may help to unmask the sum of these owners.
   * @throws FedunifyError (training) if it has helped with that of others in this round
   */
  assertSame({ round }: MaskedRound, survivors: readonly number[]): void {
    const { opened } = this.#joined.get(round) ?? {}
    if (!opened || opened.join() === survivors.join()) return
    throw this.#refusal(round, `has helped to unmask the sum of owners ${opened.join(', ')} already, and no other`)
  }

  /**
   * That it is about to help to unmask the sum of these owners.
   * @throws FedunifyError (training) if it has joined another attempt since, or as `assertSame` does
   */
  open(round: MaskedRound, survivors: readonly number[]): void {
    const joined = this.#latest(round)
    this.assertSame(round, survivors)
    this.#joined.set(round.round, { ...joined, opened: survivors })
  }

  #latest({ round, attempt }: MaskedRound): JoinedRound {
    const joined = this.#joined.get(round)
    if (joined?.attempt !== attempt) throw this.#refusal(round, `has joined another attempt than ${attempt} since`)
    return joined
  }

  #refusal(round: number, what: string) {
    const place = { owner: this.#owner, round }
    const hint = 'the round can be done again with the same owners only; otherwise start a new run'
    return new FedunifyError('E_OWNER_REFUSED', `round ${round}: owner ${this.#owner} ${what}`, hint, place)
  }
}

/** What an owner puts into a masked sum. */
const partOf = (of: MaskedRound['of']) => (of === 'head' ? 'sums' : 'update')
