import { FedunifyError } from '../../errors.ts'
import { withDefaults } from '../../parts.ts'
import type { WeightPool } from '../../weights/pool.ts'
import { workspace } from '../../weights/simd/kernels.ts'
import { ACCELERATED } from './accelerated.ts'
import type { Merge } from './merge.ts'
import { MERGE_RULES, type MergeName } from './registry.ts'
import type { MergeRule } from './rule.ts'
import { StreamingMerge } from './streaming.ts'
import { WholeMerge } from './whole.ts'

export interface MergeSettings {
  /** Where the merged model gets its memory. */
  readonly pool: WeightPool
  /** Named in errors. */
  readonly round: number
  /** The rule's options; those that are not given have their defaults. */
  readonly options?: object
}

/** Starts a merge by the rule of that name: by its accelerated form if there is one, else by its definition. */
export function startMerge(name: MergeName, { pool, round, options }: MergeSettings): Merge {
  const rule: MergeRule = MERGE_RULES[name]
  const accelerated = ACCELERATED[name]
  const memory = accelerated && workspace()
  if (memory) return new StreamingMerge(accelerated, memory, pool)
  return new WholeMerge(rule.make(withDefaults(rule, options)), pool, (tensor, what, cause) => {
    const message = `round ${round}: merge ${name}, tensor ${tensor}: the rule ${what}`
    return new FedunifyError(
      'training',
      message,
      'a rule only reads the values, must write every element of its output, and return nothing',
      {
        cause,
      },
    )
  })
}
