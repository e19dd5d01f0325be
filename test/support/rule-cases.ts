import { MERGE_NAMES, type MergeName } from '../../src/algorithm/merge/registry.ts'

/** What a rule must be given that does not take any number of owners, without options and without a base. */
export interface RuleCase {
  readonly options?: object
  /** How many owners; default: any number. */
  readonly owners?: number
  /** Whether it merges tensors that have rows for classes, of owners that tell their labels. */
  readonly rows?: true
}

export const RULE_CASES: Partial<Readonly<Record<MergeName, RuleCase>>> = {
  krum: { options: { f: 0 }, owners: 3 },
  'multi-krum': { options: { f: 0, m: 2 }, owners: 3 },
  bulyan: { options: { f: 1 }, owners: 7 },
  'clipped-avg': { options: { bound: 3 } },
  fednova: {},
  'task-arithmetic': {},
  ties: {},
  dare: {},
  slerp: { owners: 2 },
  'class-rows': { rows: true },
  layers: { options: { rules: { '*': 'avg' } } },
}

export const caseOf = (name: MergeName): RuleCase => RULE_CASES[name] ?? {}

/** Rules for any number of owners. */
export const PLAIN_NAMES = MERGE_NAMES.filter((name) => !RULE_CASES[name])

/** Rules for any tensors. */
export const TENSOR_NAMES = MERGE_NAMES.filter((name) => !caseOf(name).rows)
