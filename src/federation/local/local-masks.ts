import type { MaskedRound } from '../../privacy/masks/masked-round.ts'
import type { SignedKey } from '../../privacy/masks/signed-key.ts'
import type { Owner } from '../owner.ts'

/** The server's part in masked sums before a round: it tells all owners who takes part, and carries their keys. */
export class LocalMasks {
  /** Of this process: one that resumes a run has another, so that no mask is used twice. */
  readonly #run: string
  readonly #attempts = new Map<number, number>()

  constructor(run: string) {
    this.#run = run
  }

  /** All owners of a round join it. @returns their keys, in their order */
  begin(round: number, owners: readonly Owner[]): readonly SignedKey[] {
    const attempt = this.#attempts.get(round) ?? 0
    this.#attempts.set(round, attempt + 1)
    const list = owners.map(({ card: { owner, trainImages } }) => ({ owner, images: trainImages }))
    const masked: MaskedRound = { run: this.#run, round, attempt, owners: list }
    return owners.map((owner) => owner.join!(masked))
  }
}
