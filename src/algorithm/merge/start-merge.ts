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
  const options = withDefaults(rule, optionsOf(choice))
  const error = (what: string, hint: string, cause?: unknown) => {
    const named = own ? `${name} (${at(own, cause)})` : name
    return new FedunifyError('E_MERGE_FAILED', `round ${round}: merge ${named}${what}`, hint, { cause })
  }
  if (!base && rule.uses?.(options).includes('base')) {
    throw error(': it goes on from the model that all owners received, and there is none', 'give it that, or use avg')
  }
  try {
    const made = rule.make(options)
    const undefinedOn = (owners: number) => rule.undefinedOn?.(options, owners)
    const fault = (what: string, tensor?: string, cause?: unknown) =>
      error(`${tensor === undefined ? '' : `, tensor ${tensor}`}: the rule ${what}`, HINT, cause)
    const refusal = (reason: string) => error(`: ${reason}`, 'use another rule, other options or other owners')
    return new WholeMerge({ made, undefinedOn, fault, refusal }, pool, { round, base })
  } catch (thrown) {
    throw error(`: make threw ${messageOf(thrown)}`, HINT, thrown)
  }
}

const HINT = 'a rule only reads the values, must write every element of its output, and return nothing'
