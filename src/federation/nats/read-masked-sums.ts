import type { Sealed } from '../../algorithm/sealed-fold.ts'
import { FedunifyError } from '../../errors.ts'
import type { MaskedRound } from '../../privacy/masks/masked-round.ts'
import { bytesOfSums } from '../head-words.ts'
import { digitsOf } from '../owner-head-masks.ts'
import { NOT_MERGED } from './owner-answers.ts'
import { readSealed } from './read-sealed.ts'
import type { StatisticsBounds } from './read-statistics.ts'
import type { ReplyOf } from './wire.ts'

/** What the sums of all owners are. */
export interface MaskedSumsBounds {
  readonly sizes: StatisticsBounds['sizes']
  /** Largest mean square of a feature, as all owners know it. */
  readonly range: number
}

/**
 * The sums under masks that an owner's reply and payload make, checked as far as they can be.
 * @param round that the owner was asked for
 * @throws FedunifyError (training) that says what does not fit
 */
export function readMaskedSums(
  reply: ReplyOf<'statistics'>,
  bytes: Uint8Array,
  name: string,
  { sizes, range, round }: MaskedSumsBounds & { readonly round: MaskedRound },
): Sealed {
  const refuse = (what: string) => {
    const message = `the masked sums of owner ${name} in round ${round.round} ${what}`
    return new FedunifyError('E_UPDATE', message, NOT_MERGED, { owner: reply.owner, round: round.round })
  }
  const scale = 2 ** digitsOf(round, range)
  return readSealed(reply, bytes, { round, dtype: 'uint64', scale, bytes: bytesOfSums(sizes) }, refuse)
}
