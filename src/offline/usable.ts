import { asksOf, assertRule, usesOf } from '../algorithm/merge/assert-rule.ts'
import { type MergeChoice, ownRuleOf } from '../algorithm/merge/own-rule.ts'
import { startMerge } from '../algorithm/merge/start-merge.ts'
import { FedunifyError } from '../errors.ts'
import { nameOf } from '../parts.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'

/**
 * Looks whether a rule can do with so many models, weights and a base, before any file is read.
 * @throws FedunifyError (usage) if it is not defined on them, lacks something, or would not heed what is given
 */
export function assertUsable(rule: MergeChoice, weights: readonly number[], base: boolean): void {
  assertRule(rule, weights.length)
  if (!Number.isFinite(weights.reduce((sum, weight) => sum + weight, 0))) {
    throw refuse(rule, 'the weights are too large to be added', 'divide them all by the same number')
  }
  const uses = usesOf(rule)
  if (uses.includes('labels')) {
    throw refuse(
      rule,
      'it needs to know how many images of each class an owner has',
      'use it in a run: files do not say',
    )
  }
  if (uses.includes('steps')) {
    throw refuse(rule, 'it needs to know how many steps an owner went', 'use it in a run: files do not say')
  }
  const [asked] = asksOf(rule)
  if (asked) {
    throw refuse(rule, `it needs ${asked.statistic} of an owner's images`, 'use it in a run: files do not have them')
  }
  if (uses.includes('base') && !base) {
    throw refuse(rule, 'it needs the model that the others were trained from', 'name it: --base FILE')
  }
  // One of the user's own need not say what it uses.
  if (base && !uses.includes('base') && !ownRuleOf(rule)) {
    throw refuse(rule, 'it makes no use of a base', 'leave out --base, or choose a rule that uses it')
  }
}

/**
 * Looks whether a rule heeds the weights of models. What it makes of them is known to itself alone, so it is tried on a
 * few values under the names of their tensors: with these weights, and with equal ones.
 * @throws FedunifyError (usage) if it does not, or if it is another rule for lack of them
 */
export function assertWeights(
  rule: MergeChoice,
  weights: readonly number[],
  names: readonly string[],
  base: boolean,
): void {
  // One of the user's own may want other values.
  if (ownRuleOf(rule)) return
  const merge = (one: MergeChoice, of: readonly number[]) => tried(one, of, names, base)
  const equal = weights.map(() => 1)
  const merged = merge(rule, weights)
  if (weights.some((weight) => weight !== weights[0])) {
    if (merge(rule, equal) !== merged) return
    const hint =
      'leave out --weights, or choose what counts them: weighted-avg, or weights=images of a rule that has it'
    throw refuse(rule, 'it makes no use of weights', hint)
  }
  if (nameOf<MergeChoice>(rule) !== 'avg' && merge('avg', equal) === merged) {
    const hint = 'name their weights, for example --weights 1,2'
    throw refuse(rule, 'with the same weight for each model it is the rule avg', hint)
  }
}

const refuse = (rule: MergeChoice, what: string, hint: string) =>
  new FedunifyError('E_MERGE_RULE', `merge ${nameOf(rule)}: ${what}`, hint)

/** Values of a tensor that is merged on trial. */
const VALUES = 16

/** What comes of it, as text. */
function tried(rule: MergeChoice, weights: readonly number[], names: readonly string[], base: boolean): string {
  const settings = { pool: new WeightPool(), round: 1, base: base ? invented(0, names) : undefined }
  const merge = startMerge(rule, settings)
  for (const [i, trainImages] of weights.entries()) {
    merge.add({ owner: i + 1, trainImages, weights: invented(i + 1, names) })
  }
  return [...merge.finish().values()].map(({ data }) => data.join()).join(';')
}

/** A model of values that follow no rule: sin(a i²). */
function invented(model: number, names: readonly string[]): Weights {
  const data = (a: number) => Float32Array.from({ length: VALUES }, (_, i) => Math.sin(a * (i + 1) ** 2))
  return new Map(names.map((name, i) => [name, { shape: [4, VALUES / 4], data: data(1 + model / 7 + i / 3) }]))
}
