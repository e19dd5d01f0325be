import type { MergeChoice } from '../algorithm/merge/own-rule.ts'
import type { FloatName } from '../weights/safetensors/dtype.ts'
import type { Model } from './model/model.ts'

/** What is merged, and how. */
export interface MergeJob {
  readonly models: readonly Model[]
  /** How much each model counts, if its rule takes that; 1 if it is not said. */
  readonly weights: readonly number[]
  /** The model that the others were trained from. */
  readonly base: Model | undefined
  readonly rule: MergeChoice
  /** Of the merged values; undefined: each tensor keeps its own. */
  readonly dtype: FloatName | undefined
}

/** All models that are read. */
export const modelsOf = ({ models, base }: Pick<MergeJob, 'models' | 'base'>): Model[] => [
  ...models,
  ...(base ? [base] : []),
]
