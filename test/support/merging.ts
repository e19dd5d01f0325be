import { MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule, OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { startMerge } from '../../src/algorithm/merge/start-merge.ts'
import { withDefaults } from '../../src/parts.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import type { Weights } from '../../src/weights/weights.ts'

/** The merge of the owners as a run makes it. @param base the model that they trained from */
export function mergeOf(
  name: MergeName,
  owners: readonly OwnerWeights[],
  options?: object,
  base?: Weights,
  round = 1,
): Weights {
  const merge = startMerge(options ? { [name]: options } : name, { pool: new WeightPool(), round, base })
  for (const owner of owners) merge.add(owner)
  return merge.finish()
}

/** The merge of the owners' tensor `w` by the definition of the rule. */
export function defined(
  name: MergeName,
  owners: readonly OwnerWeights[],
  options?: object,
  base?: Weights,
): Float32Array {
  const rule: MergeRule = MERGE_RULES[name]
  const values = owners.map(({ weights }) => weights.get('w')!.data)
  const out = new Float32Array(values[0]!.length)
  const made = rule.make(withDefaults(rule, options))
  const models = owners.map(({ weights }) => weights)
  const merge = typeof made === 'function' ? made : made.look(models, owners, { round: 1, base })
  merge(values, owners, out, { name: 'w', round: 1, base: base?.get('w')?.data })
  return out
}
