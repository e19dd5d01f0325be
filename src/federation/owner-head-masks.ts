import type { Sealed } from '../algorithm/sealed-fold.ts'
import type { HeadStatistics } from '../engine/head-statistics.ts'
import { FedunifyError } from '../errors.ts'
import type { MaskedRound } from '../privacy/masks/masked-round.ts'
import { digitsFor, MOST_HEAD_RANGE } from '../privacy/masks/wide-point.ts'
import { wordsOfSums } from './head-words.ts'
import { type MaskedTask, SumMember, type SumSettings } from './sum-member.ts'

/** What an owner does so that its sums for a head leave it under masks alone. */
export class OwnerHeadMasks extends SumMember {
  readonly #owner: number
  readonly #range: number

  /** @param range largest mean square of a feature over an owner's images */
  constructor(settings: SumSettings, range: number) {
    super(settings)
    this.#owner = settings.who.owner
    this.#range = range
  }

  /**
   * Its sums in whole numbers and under masks.
   * @throws FedunifyError (training) if one is beyond the range; (data) if a key is not right
   */
  seal(sums: HeadStatistics, task: MaskedTask): Sealed {
    return this.sealWords((round) => {
      this.#assertWithin(sums, round.round)
      return wordsOfSums(sums, digitsOf(round, this.#range))
    }, task)
  }

  /** No sum of products is larger than the largest sum of squares: |Σ a b| ≤ √(Σ a² Σ b²), and the last feature is 1. */
  #assertWithin({ gram, size, images, cross }: HeadStatistics, round: number): void {
    const place = { owner: this.#owner, round }
    const where = `owner ${this.#owner}, round ${round}`
    const broken = [gram, cross].flatMap((sums) => sums.find((one) => !Number.isFinite(one)) ?? [])[0]
    if (broken !== undefined) {
      throw new FedunifyError('E_DIVERGED', `${where}: a sum for the head became ${broken}`, 'lower the lr', place)
    }
    const squares = Array.from({ length: size }, (_, i) => gram[i * size + i]! / images)
    const worst = squares.reduce((most, one) => Math.max(most, one), 0)
    if (worst <= this.#range) return
    const enough = 2 ** Math.ceil(Math.log2(worst) + 1)
    const message = `${where}: a feature has a mean square of ${worst.toPrecision(4)}, but masked sums for a head hold ${this.#range} at most; nothing was sent` // biome-ignore format: one line
    const set =
      enough <= MOST_HEAD_RANGE ? `set privacy.masks.head-range to ${enough}, or lower the lr` : 'lower the lr'
    throw new FedunifyError('E_UPDATE', message, set, place)
  }
}

/** Digits behind the point of a round's sums: they follow from the list of owners, which they have signed. */
export const digitsOf = ({ owners }: Pick<MaskedRound, 'owners'>, range: number): number =>
  digitsFor(imagesOf(owners), range)

/** Of all owners of a list. */
export const imagesOf = (owners: MaskedRound['owners']): number => owners.reduce((sum, { images }) => sum + images, 0)
