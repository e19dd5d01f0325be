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

/** @throws FedunifyError (training) if `other` does not have the tensors of `first` */
export function assertAlike(first: OwnerWeights, other: OwnerWeights): void {
  for (const name of other.weights.keys()) if (!first.weights.has(name)) throw unlike(first, name, 'is missing')
  for (const [name, { shape }] of first.weights) {
    const tensor = other.weights.get(name)
    if (!tensor) throw unlike(other, name, 'is missing')
    if (tensor.shape.join() !== shape.join()) throw unlike(other, name, `is [${tensor.shape}], not [${shape}]`)
  }
}

const unlike = ({ owner }: OwnerWeights, name: string, what: string) =>
  new FedunifyError('E_MERGE_FAILED', `owner ${owner}: ${name} ${what}`, 'all owners must train the same model')
