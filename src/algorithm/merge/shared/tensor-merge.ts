import type { Weights } from '../../../weights/weights.ts'
import type { MergedRound, MergeTensor, ModelLook, OwnerFacts } from '../rule.ts'

/** What merges each tensor, once the rule has looked at the models, if it does. */
export const tensorMerge = (
  made: MergeTensor | ModelLook,
  models: readonly Weights[],
  owners: readonly OwnerFacts[],
  round: MergedRound,
): MergeTensor => (typeof made === 'function' ? made : made.look(models, owners, round))
