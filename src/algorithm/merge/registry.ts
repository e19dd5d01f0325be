import { absmax } from './absmax.ts'
import { absmaxLiteral } from './absmax-literal.ts'
import { avg } from './avg.ts'
import { bulyan } from './bulyan.ts'
import { classRows } from './class-rows.ts'
import { clippedAvg } from './clipped-avg.ts'
import { dare } from './dare.ts'
import { fednova } from './fednova.ts'
import { fisher } from './fisher.ts'
import { geometricMedian } from './geometric-median.ts'
import { krum } from './krum.ts'
import { lastRounds } from './last-rounds.ts'
import { layersOf } from './layers.ts'
import { max } from './max.ts'
import { median } from './median.ts'
import { multiKrum } from './multi-krum.ts'
import { regmean } from './regmean.ts'
import type { MergeRule } from './rule.ts'
import { slerp } from './slerp.ts'
import { taskArithmetic } from './task-arithmetic.ts'
import { ties } from './ties.ts'
import { trimmedMean } from './trimmed-mean.ts'
import { weightedAvg } from './weighted-avg.ts'

/** Rules that may be chosen for some of the tensors too. */
const RULES = {
  avg,
  max,
  absmax,
  'absmax-literal': absmaxLiteral,
  'weighted-avg': weightedAvg,
  fednova,
  median,
  'trimmed-mean': trimmedMean,
  'geometric-median': geometricMedian,
  krum,
  'multi-krum': multiKrum,
  bulyan,
  'clipped-avg': clippedAvg,
  'task-arithmetic': taskArithmetic,
  ties,
  dare,
  slerp,
  regmean,
  fisher,
  'class-rows': classRows,
} satisfies Record<string, MergeRule>

/** Every merge rule, by the name that `--merge` takes. */
export const MERGE_RULES = { ...RULES, layers: layersOf(RULES), 'last-rounds': lastRounds } satisfies Record<
  string,
  MergeRule
>

export type MergeName = keyof typeof MERGE_RULES

export const MERGE_NAMES = Object.keys(MERGE_RULES) as MergeName[]
