import { FedunifyError } from '../../errors.ts'
import type { Unmasking } from './dropouts/unmasking.ts'
import type { Masked } from './masked-owner.ts'
import { idOf, type MaskedRound } from './masked-round.ts'
import { ringOf } from './ring.ts'

/** The server's side of a round: vectors under masks are added as they come, in any order, and none is kept. */
export class MaskedSum {
  readonly #round: MaskedRound
  readonly #id: string
  readonly #sum: Uint32Array
  readonly #added = new Set<number>()

  /** @param length words of a vector */
  constructor(round: MaskedRound, length: number) {
    this.#round = round
    this.#id = idOf(round)
    this.#sum = new Uint32Array(length)
  }

  /** Owners whose vectors are in the sum, in ascending order. */
  get owners(): readonly number[] {
    return [...this.#added].sort((a, b) => a - b)
  }

  /** @throws FedunifyError (training) if the vector is of another round or attempt, too long or short, or there already */
  add(owner: number, { id, words }: Masked): void {
    const refuse = (what: string) => this.#refusal(owner, what)
    if (!this.#round.owners.some((one) => one.owner === owner)) throw refuse('is not in the list of this round')
    if (id !== this.#id) throw refuse('handed in a masked update of another round, attempt or list of owners')
    if (words.length !== this.#sum.length) throw refuse(`handed in ${words.length} words, not ${this.#sum.length}`)
    if (this.#added.has(owner)) throw refuse('handed in two masked updates')
    this.#added.add(owner)
    ringOf(this.#round).add(this.#sum, words)
  }

  /**
   * The sum without masks. If nobody is missing, each of the pairs' has come with either sign. Whole numbers of
   * the round's ring, in two's complement.
   * @param unmasking with a threshold: what takes off the masks that are left
   * @throws FedunifyError (training) naming an owner that is missing
   */
  finish(unmasking?: Unmasking): Int32Array {
    if (this.#round.threshold !== undefined && !unmasking) throw new Error('a sum with a threshold needs an unmasking')
    const needed = unmasking?.survivors ?? this.#round.owners.map(({ owner }) => owner)
    const missing = needed.find((owner) => !this.#added.has(owner))
    if (missing !== undefined) throw this.#refusal(missing, 'is missing, and without it the sum cannot be unmasked')
    const extra = this.owners.find((owner) => !needed.includes(owner))
    if (extra !== undefined) throw this.#refusal(extra, 'is in the sum, but not among the survivors')
    unmasking?.unmask(this.#sum)
    return new Int32Array(this.#sum.buffer)
  }

  #refusal(owner: number, what: string) {
    const { round } = this.#round
    const hint = 'the round can be done again, by all of its owners and with new keys'
    return new FedunifyError('E_UPDATE', `round ${round}: owner ${owner} ${what}`, hint, { owner, round })
  }
}
