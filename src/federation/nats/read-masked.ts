import { planSum } from '../../algorithm/masked-plan.ts'
import { wordsOf } from '../../algorithm/sealed-fold.ts'
import { FedunifyError } from '../../errors.ts'
import type { MaskedRound } from '../../privacy/masks/masked-round.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Update } from '../cohort.ts'
import type { MaskSettings } from './nats-settings.ts'
import { NOT_MERGED } from './owner-answers.ts'
import { readSealed } from './read-sealed.ts'
import { readCounts, type UpdateBounds } from './read-update.ts'
import type { ReplyOf } from './wire.ts'

/** Bytes of an update under masks: those of float32. */
export const bytesOfMasked = (model: Weights): number => 4 * wordsOf(model)

/**
 * The update under masks that an owner's reply and payload make, checked as far as it can be.
 * @param round that the owner was asked for
 * @throws FedunifyError (training) that says what does not fit
 */
export function readMasked(
  reply: ReplyOf<'update'>,
  bytes: Uint8Array,
  name: string,
  { bounds, masks, round, base }: Asked,
): Update {
  const refuse = (what: string) =>
    new FedunifyError('E_UPDATE', `the masked update of owner ${name} in round ${reply.round} ${what}`, NOT_MERGED, {
      owner: reply.owner,
      round: reply.round,
    })
  const { scale } = planSum(masks.rule, round).point
  const sealed = readSealed(reply, bytes, { round, dtype: 'uint32', scale, bytes: bytesOfMasked(base) }, refuse)
  return {
    type: 'update',
    owner: reply.owner,
    weights: new Map(),
    sent: {},
    sealed,
    ...readCounts(reply, bounds, refuse),
  }
}

interface Asked {
  readonly bounds: UpdateBounds
  readonly masks: MaskSettings
  readonly round: MaskedRound
  /** The model that the owners received. */
  readonly base: Weights
}
