import { FedunifyError } from '../../errors.ts'
import { listText, type MaskedRound } from './masked-round.ts'

/** What an owner remembers of a round that it has joined. */
interface JoinedRound {
  readonly round: number
  readonly attempt: number
  /** As text (`listText`). */
  readonly owners: string
  /** Whether it has masked a vector for this attempt. */
  readonly sealed: boolean
  /** Whether it has helped to unmask a sum of this round: then it joins no other attempt. */
  readonly opened: boolean
}

/**
 * The rounds of one run that an owner has joined. An owner trains the same update again if it is asked for the same round
 * again. A server that has a full sum, then says that it was lost and asks for the round without owner j, would have
 * owner j's update as the difference. So an owner joins a round again only with the owners of the first time.
 */
export class JoinedRounds {
  readonly #owner: number
  readonly #joined = new Map<number, JoinedRound>()

  constructor(owner: number) {
    this.#owner = owner
  }

  /** @throws FedunifyError (training) if it must not join */
  join({ round, attempt, owners, threshold }: MaskedRound): void {
    const refuse = (what: string) => this.#refusal(round, what)
    if (owners.length < 2) throw refuse('is to be in a masked sum alone, which would show its update')
    if (!owners.every(({ owner }, i) => i === 0 || owner > owners[i - 1]!.owner)) {
      throw refuse('was sent a list of owners that is out of order, or names one twice')
    }
    if (!owners.some(({ owner }) => owner === this.#owner))
      throw refuse('is not in the list of owners that it was sent')
    if (threshold !== undefined && (threshold <= owners.length / 2 || threshold > owners.length)) {
      throw refuse(`is asked for a threshold of ${threshold} of ${owners.length} owners, which is no majority`)
    }
    const before = this.#joined.get(round)
    const list = listText(owners)
    if (before && before.owners !== list) {
      throw refuse('is asked again with other owners, and the difference of the two sums would show an update')
    }
    if (before && attempt <= before.attempt) throw refuse(`is asked for attempt ${attempt} again`)
    if (before?.opened) throw refuse('is asked again, but has helped to unmask this round already')
    this.#joined.set(round, { round, attempt, owners: list, sealed: false, opened: false })
  }

  /**
   * That it is about to mask a vector. Once for an attempt: what two vectors under the same masks differ by is plain.
   * @throws FedunifyError (training) if it has done so, or has joined another attempt since
   */
  seal(round: MaskedRound): void {
    const joined = this.#latest(round)
    if (joined.sealed) throw this.#refusal(round.round, 'has masked its update of this attempt already')
    this.#joined.set(round.round, { ...joined, sealed: true })
  }

  /**
   * That it is about to help to unmask a sum.
   * @throws FedunifyError (training) if it has joined another attempt since
   */
  open(round: MaskedRound): void {
    this.#joined.set(round.round, { ...this.#latest(round), opened: true })
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
