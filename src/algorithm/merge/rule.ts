import { FedunifyError } from '../../errors.ts'
import type { Weights } from '../../weights/weights.ts'

/** What one owner hands in: its local model's weights and how many images it trained them on. */
export interface OwnerWeights {
  /** 1-based. */
  readonly owner: number
  readonly weights: Weights
  /** Images in the owner's shard, epochs not counted. */
  readonly trainImages: number
}

interface Rule {
  readonly name: string
  /** One line for `--help`. */
  readonly summary: string
  /** Equation or paper. */
  readonly source: string
  /**
   * Pure: the owners' weights are never changed.
   * @param into weights that nobody reads any more, of whose memory the result is made where it fits: to get new memory
   *   from the system takes longer than to merge two models. Without, the result is all new.
   * @throws FedunifyError (training) where the owners' weights do not have the same tensors.
   */
  merge(owners: readonly OwnerWeights[], into?: Weights): Weights
}

/** A rule that needs all owners' weights at the same time. */
export interface WholeRule extends Rule {
  readonly streaming: false
}

/** A rule that folds owners in one at a time, to the same bits as `merge` of them all. */
export interface StreamingRule extends Rule {
  readonly streaming: true
  /** @param into as of `merge` */
  start(into?: Weights): Fold
}

/** A way to make one model of the owners' models. */
export type MergeRule = StreamingRule | WholeRule

/** A merge under way. */
export interface Fold {
  /**
   * Takes the next owner, in the order in which they are merged.
   * @throws FedunifyError (training) where its weights do not have the tensors of the first
   */
  add(owner: OwnerWeights): void
  /**
   * What merging makes of the owners added; the fold is over.
   * @throws FedunifyError (training) where there were none
   */
  finish(): Weights
}

/** A merge to which owners are given one at a time: held until its end only where the rule needs them all. */
export function startFold(rule: MergeRule, into?: Weights): Fold {
  if (rule.streaming) return rule.start(into)
  const owners: OwnerWeights[] = []
  return { add: (owner) => void owners.push(owner), finish: () => rule.merge(owners, into) }
}

export const noOwners = () => new FedunifyError('training', 'there are no owners to merge')

/** @throws FedunifyError (training) where `other` does not have the tensors of `first` */
export function assertAlike(first: OwnerWeights, other: OwnerWeights): void {
  for (const name of other.weights.keys()) if (!first.weights.has(name)) throw unlike(first, name, 'is missing')
  for (const [name, { shape }] of first.weights) {
    const tensor = other.weights.get(name)
    if (!tensor) throw unlike(other, name, 'is missing')
    if (tensor.shape.join() !== shape.join()) throw unlike(other, name, `is [${tensor.shape}], not [${shape}]`)
  }
}

const unlike = ({ owner }: OwnerWeights, name: string, what: string) =>
  new FedunifyError('training', `owner ${owner}: ${name} ${what}`, 'all owners must train the same model')
