import type { Sealed } from '../../algorithm/sealed-fold.ts'
import type { FedunifyError } from '../../errors.ts'
import { idOf, type MaskedRound } from '../../privacy/masks/masked-round.ts'
import { wordsOfBytes } from '../../privacy/masks/words.ts'
import type { ReplyOf } from './wire.ts'

/** What a vector under masks must be. */
interface Expected {
  /** That the owner was asked for. */
  readonly round: MaskedRound
  readonly dtype: 'uint32' | 'uint64'
  /** Levels of one unit. */
  readonly scale: number
  readonly bytes: number
}

/**
 * The vector under masks that an owner's reply and payload make, checked as far as it can be: each word may be anything.
 * @param refuse makes an error of what does not fit, such as "came as 12 bytes, not 16"
 */
export function readSealed(
  { masked, payload }: Pick<ReplyOf<'update' | 'statistics'>, 'masked' | 'payload'>,
  content: Uint8Array,
  { round, dtype, scale, bytes }: Expected,
  refuse: (what: string) => FedunifyError,
): Sealed {
  if (masked !== idOf(round)) throw refuse('came from another attempt or another list of owners')
  if (payload.dtype !== dtype || payload.scale !== scale) {
    throw refuse(`came in ${payload.dtype} of scale ${payload.scale}, not in ${dtype} of scale ${scale}`)
  }
  if (content.length !== bytes) throw refuse(`came as ${content.length} bytes, not ${bytes}`)
  return { round, id: masked, words: wordsOfBytes(content) }
}
