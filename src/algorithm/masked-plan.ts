import { stepsOf, type TrainedSteps } from '../engine/effective-steps.ts'
import { type FixedPoint, fixedPointFor } from '../privacy/masks/fixed-point.ts'
import type { Listed, MaskedRound } from '../privacy/masks/masked-round.ts'
import { coefficientsOf } from './merge/coefficients.ts'
import type { MergeChoice } from './merge/own-rule.ts'
import type { OwnerFacts } from './merge/rule.ts'

/** What an experiment asks for whose updates are summed under masks. */
export interface MaskedRule {
  readonly choice: MergeChoice
  /** Largest change of a weight in a round. */
  readonly range: number
  /** How all owners train, if they know that before. */
  readonly training?: Omit<TrainedSteps, 'images'> | undefined
}

/** What both sides of a masked sum agree on. It follows from the list of owners, which they have signed. */
export interface SumPlan {
  readonly point: FixedPoint
  /** What each owner multiplies its change by, at most 1, by owner: so the largest share has all levels. */
  readonly factors: ReadonlyMap<number, number>
  /** What a level of the sum is worth: the model is the received one and so much for each. */
  readonly unit: number
}

/**
 * How the rule's sum base + Σ a_k Δ_k, of what the weights have changed by, goes through whole numbers: owner k hands in
 * the levels of f_k Δ_k with f_k = a_k / a, a the largest |a_k|. A level is off by half a level at most, and the sum of
 * K owners by half of K: the merged model by K unit / 2, which for avg is half a level, range / (2^bits - 2).
 */
export function planSum({ choice, range, training }: MaskedRule, { owners, round }: MaskedRound): SumPlan {
  const coefficients = coefficientsOf(choice, factsOf(owners, training), round)
  const largest = Math.max(...coefficients.map(Math.abs))
  const point = fixedPointFor(owners.length, range)
  const factors = new Map(owners.map(({ owner }, k) => [owner, coefficients[k]! / largest]))
  return { point, factors, unit: largest / point.scale }
}

/**
 * What a level of a sum is worth if some of the round's owners were lost. They shared the fixed point with all, and the
 * rule is one of those that survived: of each rule here the a_k of some owners are to each other as among all.
 */
export function unitOf(rule: MaskedRule, round: MaskedRound, survivors: readonly number[]): number {
  const { unit, factors } = planSum(rule, round)
  const owners = round.owners.filter(({ owner }) => survivors.includes(owner))
  if (owners.length === round.owners.length) return unit
  const { choice, range, training } = rule
  const coefficients = coefficientsOf(choice, factsOf(owners, training), round.round)
  const largest = Math.max(...coefficients.map(Math.abs))
  const among = Math.max(...owners.map(({ owner }) => Math.abs(factors.get(owner)!)))
  return largest / (among * fixedPointFor(round.owners.length, range).scale)
}

const factsOf = (owners: readonly Listed[], training: MaskedRule['training']): OwnerFacts[] =>
  owners.map(({ owner, images }) => {
    return { owner, trainImages: images, steps: training && stepsOf({ ...training, images }) }
  })

/** Largest error of a weight of the merged model, rounding to float32 aside. */
export const errorBound = ({ factors, unit }: SumPlan): number => (factors.size * unit) / 2
