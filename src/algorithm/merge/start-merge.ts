import { FedunifyError, messageOf } from '../../errors.ts'
import { type AnyChoice, nameOf, optionsOf, withDefaults } from '../../parts.ts'
import type { WeightPool } from '../../weights/pool.ts'
import { workspace } from '../../weights/simd/kernels.ts'
import { ACCELERATED, type Streaming } from './accelerated.ts'
import type { Merge } from './merge.ts'
import { mergeRule, ownRuleOf } from './own-rule.ts'
import type { MergedRound } from './rule.ts'
import { at } from './rule-place.ts'
import { StreamingMerge } from './streaming.ts'
import { WholeMerge } from './whole.ts'

export interface MergeSettings extends MergedRound {
  /** Where the merged model gets its memory. */
  readonly pool: WeightPool
}

/**
 * Starts a merge by the rule that was chosen: by its accelerated form if there is one, else by its definition. Options
 * that are not given have their defaults.
 */
export function startMerge(choice: AnyChoice, { pool, round, base }: MergeSettings): Merge {
  const name = nameOf(choice)
  const own = ownRuleOf(choice)
  const accelerated = own ? undefined : (ACCELERATED as Readonly<Record<string, Streaming>>)[name]
  const memory = accelerated && workspace()
  if (memory) return new StreamingMerge(accelerated, memory, pool)
  const rule = mergeRule(choice)
  const fault = (where: string, what: string, cause?: unknown) => {
    const named = own ? `${name} (${at(own, cause)})` : name
    return new FedunifyError('E_MERGE_FAILED', `round ${round}: merge ${named}${where}: ${what}`, HINT, { cause })
  }
  try {
    const merge = rule.make(withDefaults(rule, optionsOf(choice)))
    return new WholeMerge(merge, pool, { round, base }, (tensor, what, cause) =>
      fault(`, tensor ${tensor}`, `the rule ${what}`, cause),
    )
  } catch (error) {
    throw fault('', `make threw ${messageOf(error)}`, error)
  }
}

const HINT = 'a rule only reads the values, must write every element of its output, and return nothing'
