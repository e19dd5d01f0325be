import { MERGE_RULES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import type { MergeRule, OwnerWeights } from '../../src/algorithm/merge/rule.ts'
import { startMerge } from '../../src/algorithm/merge/start-merge.ts'
import { withDefaults } from '../../src/parts.ts'
import { WeightPool } from '../../src/weights/pool.ts'
import type { Weights } from '../../src/weights/weights.ts'

/** The merge of the owners as a run makes it. */
export function mergeOf(name: MergeName, owners: readonly OwnerWeights[], options?: object): Weights {
  const merge = startMerge(options ? { [name]: options } : name, { pool: new WeightPool(), round: 1 })
  for (const owner of owners) merge.add(owner)
  return merge.finish()
}

/** The merge of the owners' tensor `w` by the definition of the rule. */
export function defined(name: MergeName, owners: readonly OwnerWeights[], options?: object): Float32Array {
  const rule: MergeRule = MERGE_RULES[name]
  const values = owners.map(({ weights }) => weights.get('w')!.data)
  const out = new Float32Array(values[0]!.length)
  rule.make(withDefaults(rule, options))(values, owners, out, { name: 'w', round: 1, base: undefined })
  return out
}
