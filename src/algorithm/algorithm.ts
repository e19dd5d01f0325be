import type { Unmasking } from '../privacy/masks/dropouts/unmasking.ts'
import type { NamedWeights } from '../weights/named.ts'
import type { Weights } from '../weights/weights.ts'
import type { Head } from './head/head.ts'
import type { MergedRound, OwnerWeights } from './merge/rule.ts'
import type { Sealed } from './sealed-fold.ts'

/**
 * What one side of an algorithm keeps between rounds, by name: momenta, control variates, …; each has the model's
 * tensors, but for single numbers of an owner. The server's is in the checkpoint, an owner's stays with the owner.
 */
export type State = NamedWeights

/** What an owner is sent with the model, by name. */
export type Instruction = State

/** What an owner hands in after a round, as the algorithm takes it. */
export interface Handed extends OwnerWeights {
  /** What the local objective sends with the weights, by name. */
  readonly sent: State
  /** That it trained in the round. */
  readonly epochs?: number | undefined
  /** Under masks, all that it hands in: then its weights have no tensors. */
  readonly sealed?: Sealed | undefined
}

export interface NamedHead extends Head {
  /** Of its part; names its series. */
  readonly name: string
}

/** What the owners' updates of a round became. */
export interface Folded {
  /** One model for each rule that merges owners' models, in their order; the first drives the run. */
  readonly models: readonly Weights[]
  /** How far the owners' weights lie apart, by tensor (see drift.ts). */
  readonly drift: Readonly<Record<string, number>>
  /** How many owners were added. */
  readonly owners: number
  /** The mean over the owners of what they sent with their weights, by name. */
  readonly sent: State
  /** (1/N) Σ ‖w_i - base‖² over the owners and the whole model, if the server step needs it. */
  readonly meanSquare?: number | undefined
}

/** The updates of one round on their way into models, owner by owner, in the owners' order. */
export interface Fold {
  /** Seconds spent on adding owners. */
  readonly seconds: number
  /** @throws FedunifyError (training) if the update does not have the tensors of the first */
  add(update: Handed): void
  /**
   * @param unmasking with a threshold, of masked updates
   * @throws FedunifyError (training) if there are no owners, or a rule fails or makes a value that is not finite
   */
  finish(unmasking?: Unmasking): Folded
}

/**
 * How the owners' updates become the next model: merge rules, a server step and the server's half of a local objective
 * (see make-algorithm.ts). It keeps nothing of a run but memory for models to come, so a run can go on from its state.
 *
 * A model that it makes is good until the fold of the round after the next begins.
 */
export interface Algorithm {
  /** A last layer to fit to each unified model that is evaluated; it does not drive the run. */
  readonly head?: NamedHead | undefined
  /** The names of the merge rules; the first drives the run. */
  readonly merges: readonly string[]
  /** The server's state before the first round. */
  start(initial: Weights): State
  instruct(state: State, owner: number): Instruction
  fold(round: MergedRound): Fold
  /** The next model and state; neither `state` nor `base` is changed. */
  step(state: State, base: Weights | undefined, folded: Folded): SteppedModel
}

export interface SteppedModel {
  readonly model: Weights
  /** Those of the other merge rules, in their order. */
  readonly others: readonly Weights[]
  readonly state: State
  /** How many times the way to the merged model the server's step is, if the step chooses that anew in each round. */
  readonly stepSize?: number | undefined
  /** The norm to which the owners' changes were clipped, if there is noise at their level. */
  readonly clip?: number | undefined
}
