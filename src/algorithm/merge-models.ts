import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import type { MergeName } from './merge/registry.ts'
import type { OwnerWeights } from './merge/rule.ts'
import { startMerge } from './merge/start-merge.ts'

/**
 * The model that a merge rule makes of models with the same tensors, outside of any run.
 * @param owners each with its number, the images that it was trained on, and its weights; they are only read
 * @param options of the rule; those that are not given have their defaults
 * @param base the model that the owners trained from, which some rules need
 * @throws FedunifyError (training) if there are none, or their tensors differ, or the rule is not defined on them; a ZodError if an option is not legal
 */
export function mergeModels(
  rule: MergeName,
  owners: readonly OwnerWeights[],
  options: object = {},
  base?: Weights,
): Weights {
  const merge = startMerge({ [rule]: options }, { pool: new WeightPool(), round: 1, base })
  for (const owner of owners) merge.add(owner)
  return merge.finish()
}
