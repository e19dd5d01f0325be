import { asksOf } from '../../src/algorithm/merge/assert-rule.ts'
import { MERGE_NAMES, type MergeName } from '../../src/algorithm/merge/registry.ts'
import { type AskedStatistic, type OwnerWeights, statisticName } from '../../src/algorithm/merge/rule.ts'
import type { Tensor, Weights } from '../../src/weights/weights.ts'

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
  regmean: {},
  fisher: {},
  'class-rows': { rows: true },
  layers: { options: { rules: { '*': 'avg' } } },
}

export const caseOf = (name: MergeName): RuleCase => RULE_CASES[name] ?? {}

/** The owners with what a rule asks of them: of each weight its owner's number, and for dense layers as many times the identity. */
export const withStatistics = (name: MergeName, owners: readonly OwnerWeights[]): OwnerWeights[] =>
  owners.map((owner) => {
    const asked = asksOf(name === 'layers' ? { layers: caseOf(name).options! } : name)
    return { ...owner, statistics: Object.fromEntries(asked.map((one) => [statisticName(one), invented(one, owner)])) }
  })

function invented({ statistic }: AskedStatistic, { owner, weights }: OwnerWeights): Weights {
  if (statistic !== 'grams') return mapOf(weights, ({ shape, data }) => ({ shape, data: data.map(() => owner) }))
  const dense = new Map([...weights].filter(([, { shape }]) => shape.length === 2))
  return mapOf(dense, ({ shape: [, n] }) => {
    const data = Array.from({ length: n! }, (_, i) => [...Array<number>(i).fill(0), owner]).flat()
    return { shape: [data.length], data: Float32Array.from(data) }
  })
}

const mapOf = (weights: Weights, of: (tensor: Tensor) => Tensor): Weights =>
  new Map([...weights].map(([name, tensor]) => [name, of(tensor)]))

/** Rules for any number of owners. */
export const PLAIN_NAMES = MERGE_NAMES.filter((name) => !RULE_CASES[name])

/** Rules for any tensors. */
export const TENSOR_NAMES = MERGE_NAMES.filter((name) => !caseOf(name).rows)
