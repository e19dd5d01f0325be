import { absmax } from './absmax.ts'
import { absmaxLiteral } from './absmax-literal.ts'
import { avg } from './avg.ts'
import { max } from './max.ts'
import { median } from './median.ts'
import type { MergeRule } from './rule.ts'
import { trimmedMean } from './trimmed-mean.ts'
import { weightedAvg } from './weighted-avg.ts'

/** Every merge rule, by the name that `--merge` takes. */
export const MERGE_RULES = {
  avg,
  max,
  absmax,
  'absmax-literal': absmaxLiteral,
  'weighted-avg': weightedAvg,
  median,
  'trimmed-mean': trimmedMean,
} satisfies Record<string, MergeRule>

export type MergeName = keyof typeof MERGE_RULES

export const MERGE_NAMES = Object.keys(MERGE_RULES) as MergeName[]
