import type { NamedHead } from '../algorithm/algorithm.ts'
import type { HeadWeights } from '../algorithm/head/head.ts'
import type { Evaluation } from '../engine/engine.ts'
import { FedunifyError } from '../errors.ts'
import type { Cohort, ModelRef } from './cohort.ts'

/** A last layer for the unified model, and the model with it at each owner. */
export interface FittedHead {
  readonly head: HeadWeights
  readonly scores: ReadonlyMap<number, Evaluation>
}

/** Every owner sums over its images, and the head is fitted to the sum of all. The model has been published. */
export async function fitHead(
  { heads }: Cohort,
  chosen: NamedHead,
  model: ModelRef,
  { round, signal }: { readonly round: number; readonly signal: AbortSignal },
): Promise<FittedHead> {
  if (!heads)
    throw new FedunifyError('E_CONFLICT', `head ${chosen.name}: these owners cannot sum features`, 'use head none')
  const sums = await heads.summarise(model, round, signal)
  const head = await chosen.fit(sums, signal)
  const bad = [...head.weight, ...head.bias].find((value) => !Number.isFinite(value))
  if (bad !== undefined) {
    throw new FedunifyError('E_DIVERGED', `round ${round}: head ${chosen.name} made ${bad}`, 'raise lambda', { round })
  }
  return { head, scores: await heads.evaluate(model, head, signal) }
}
