import { assertFinite } from '../algorithm/assert-finite.ts'
import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import { startMerge } from '../algorithm/merge/start-merge.ts'
import { type AnyChoice, nameOf } from '../parts.ts'
import { squaredDistance } from '../weights/distance.ts'
import type { WeightPool } from '../weights/pool.ts'
import type { Weights } from '../weights/weights.ts'

/** A round of a run whose weights were kept. */
export interface KeptRound {
  readonly round: number
  /** In the order in which they were merged. */
  readonly owners: readonly OwnerWeights[]
  /** The model that they received; undefined if each began with weights of its own. */
  readonly received: Weights | undefined
}

/**
 * The model that a rule makes of some owners of a round, in memory of the pool.
 * @throws FedunifyError (training) if the rule fails, or makes a value that is not finite
 */
export function merged(
  choice: AnyChoice,
  { round, received }: KeptRound,
  owners: readonly OwnerWeights[],
  pool: WeightPool,
): Weights {
  const merge = startMerge(choice, { pool, round, base: received })
  for (const owner of owners) merge.add(owner)
  return assertFinite(merge.finish(), round, `merge ${nameOf(choice)}`)
}

/** How far a model lies from another, over all weights, in units of the other's length: ‖a - b‖ / ‖b‖. */
export function distance(a: Weights, b: Weights): number {
  const apart = squaredDistance(b, a)
  let length = 0
  for (const { data } of b.values()) for (let i = 0; i < data.length; i++) length += data[i]! ** 2
  return apart === 0 ? 0 : Math.sqrt(apart / length)
}
