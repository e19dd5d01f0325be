import { assertRule } from '../algorithm/merge/assert-rule.ts'
import { type MergeChoice, ownRuleOf } from '../algorithm/merge/own-rule.ts'
import { startMerge } from '../algorithm/merge/start-merge.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import { nameOf } from '../parts.ts'
import { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'
import type { MergeJob } from './job.ts'

interface Trial extends Pick<MergeJob, 'rule'> {
  readonly weights: readonly number[]
  readonly base: boolean
}

/**
 * Tries a rule on a few values before any file is read. What a rule makes of a base and of weights is known to itself
 * alone, so they are taken away to see whether that changes anything.
 * @throws FedunifyError (usage) if it does not merge so many models, needs a base, or would not heed what was given
 */
export function assertTrial(rule: MergeChoice, weights: readonly number[], base: boolean): void {
  assertRule(rule, weights.length)
  const [name, trial] = [nameOf<MergeChoice>(rule), { rule, weights, base }]
  const refuse = (what: string, hint: string, cause?: unknown) =>
    new FedunifyError('E_MERGE_RULE', `merge ${name}: ${what}`, hint, { cause })
  const merged = attempt(trial)
  if (typeof merged !== 'string') {
    if (!base && typeof attempt({ ...trial, base: true }) === 'string') {
      throw refuse('it needs the model that the others were trained from', 'name it: --base FILE', merged)
    }
    throw merged
  }
  // One of the user's own may go by the names of tensors, which these are not.
  if (ownRuleOf(rule)) return
  if (base && attempt({ ...trial, base: false }) === merged) {
    throw refuse('it makes no use of a base', 'leave out --base, or choose a rule that uses it')
  }
  const unlike = weights.some((weight) => weight !== weights[0])
  if (unlike && attempt({ ...trial, weights: weights.map(() => 1) }) === merged) {
    throw refuse('it makes no use of weights', 'leave out --weights, or use weighted-avg')
  }
  if (name !== 'avg' && attempt({ ...trial, rule: 'avg', base: false }) === merged) {
    throw refuse(
      'with the same weight for each model it is the rule avg',
      'name their weights, for example --weights 1,2',
    )
  }
}

/** Values that a trial merges. */
const VALUES = 256

/** What comes of it, as text, or the error that it ends with. */
function attempt({ rule, weights, base }: Trial): string | Error {
  try {
    const merge = startMerge(rule, { pool: new WeightPool(), round: 1, base: base ? invented(0) : undefined })
    for (const [i, trainImages] of weights.entries()) {
      merge.add({ owner: i + 1, trainImages, weights: invented(i + 1) })
    }
    return [...merge.finish().values()].map(({ data }) => data.join()).join(';')
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error))
  }
}

/** A model of values that follow no rule: sin(a (i + 1)²) with an a of its own, two tensors of them. */
function invented(model: number): Weights {
  const data = (a: number) => Float32Array.from({ length: VALUES }, (_, i) => Math.sin(a * (i + 1) ** 2))
  const tensor = (a: number) => ({ shape: [16, VALUES / 16], data: data(a) })
  return new Map([
    ['a.weight', tensor(1 + model / 7)],
    ['b.weight', tensor(2 + model / 7)],
  ])
}
