import { FedunifyError } from '../../errors.ts'
import type { Weights } from '../../weights/weights.ts'
import type { OwnerWeights } from './rule.ts'

/** A merge under way, to which owners are given one at a time. */
export interface Merge {
  /**
   * Takes the next owner, in the order in which they are merged. Its weights are never changed here, and must not
   * change until the merge has finished.
   * @throws FedunifyError (training) if its weights do not have the tensors of the first
   */
  add(owner: OwnerWeights): void
  /**
   * The model that the rule makes of the owners added, in memory of the pool; the merge is over.
   * @throws FedunifyError (training) if there are no owners, or the rule does not do what it must
   */
  finish(): Weights
}

export const noOwners = () => new FedunifyError('E_MERGE_FAILED', 'there are no owners to merge')

/** @throws FedunifyError (training) naming every tensor that one of two owners lacks, or that has another shape */
export function assertAlike(first: OwnerWeights, other: OwnerWeights): void {
  refuse(unlike(first.weights, other.weights, [`owner ${first.owner}`, `owner ${other.owner}`]))
}

/** @throws FedunifyError (training) as `assertAlike` does, of the model that the owners are said to have trained from */
export function assertBase(base: Weights, { owner, weights }: OwnerWeights): void {
  refuse(unlike(weights, base, [`owner ${owner}`, 'base']))
}

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return
  const more = faults.length > MOST_TOLD ? [`and ${faults.length - MOST_TOLD} more`] : []
  const message = [...faults.slice(0, MOST_TOLD), ...more].join('; ')
  throw new FedunifyError('E_MERGE_FAILED', message, 'all owners must train the same model')
}

const MOST_TOLD = 20

function unlike(one: Weights, other: Weights, [whose, others]: readonly [string, string]): string[] {
  const lacking = [...other.keys()].filter((name) => !one.has(name)).map((name) => `${whose}: ${name} is missing`)
  const different = [...one].flatMap(([name, { shape }]) => {
    const tensor = other.get(name)
    if (!tensor) return [`${others}: ${name} is missing`]
    return tensor.shape.join() === shape.join() ? [] : [`${others}: ${name} is [${tensor.shape}], not [${shape}]`]
  })
  return [...lacking, ...different]
}
