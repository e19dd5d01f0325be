import type { Sealed } from '../../algorithm/sealed-fold.ts'
import { FedunifyError } from '../../errors.ts'
import { idOf, type MaskedRound } from '../../privacy/masks/masked-round.ts'
import { wordsOfBytes } from '../../privacy/masks/words.ts'
import { bytesOfSums } from '../head-words.ts'
import { digitsOf } from '../owner-head-masks.ts'
import { NOT_MERGED } from './owner-answers.ts'
import type { StatisticsBounds } from './read-statistics.ts'
import type { ReplyOf } from './wire.ts'

/** What the sums of all owners are. */
export interface MaskedSumsBounds {
  readonly sizes: StatisticsBounds['sizes']
  /** Largest mean square of a feature, as all owners know it. */
  readonly range: number
}

/**
 * The sums under masks that an owner's reply and payload make, checked as far as they can be: each word may be anything.
 * @param round that the owner was asked for
 * @throws FedunifyError (training) that says what does not fit
 */
export function readMaskedSums(
  { owner, masked, payload }: ReplyOf<'statistics'>,
  bytes: Uint8Array,
  name: string,
  { sizes, range, round }: MaskedSumsBounds & { readonly round: MaskedRound },
): Sealed {
  const refuse = (what: string) => {
    const message = `the masked sums of owner ${name} in round ${round.round} ${what}`
    return new FedunifyError('E_UPDATE', message, NOT_MERGED, { owner, round: round.round })
  }
  const { dtype, scale } = payload
  const [levels, length] = [2 ** digitsOf(round, range), bytesOfSums(sizes)]
  if (masked !== idOf(round)) throw refuse('are of another attempt or another list of owners')
  if (dtype !== 'uint64' || scale !== levels) throw refuse(`are in ${dtype} of scale ${scale}, not ${levels}`)
  if (bytes.length !== length) throw refuse(`have ${bytes.length} bytes, not ${length}`)
  return { round, id: masked, words: wordsOfBytes(bytes) }
}
