import type { Instruction, State } from '../algorithm/algorithm.ts'
import type { HeadWeights } from '../algorithm/head/head.ts'
import type { Sealed } from '../algorithm/sealed-fold.ts'
import type { Evaluation, Progress, Trained } from '../engine/engine.ts'
import type { HeadStatistics } from '../engine/head-statistics.ts'
import type { Unmasking } from '../privacy/masks/dropouts/unmasking.ts'
import type { NamedWeights } from '../weights/named.ts'
import type { Weights } from '../weights/weights.ts'
import type { Disclosed } from './disclosure.ts'
import type { Traffic } from './traffic.ts'

/** What an owner says of itself. */
export interface OwnerCard {
  /** 1-based, as in the paper's tables. */
  readonly owner: number
  /** Images in its shard. */
  readonly trainImages: number
  /** Undefined if the owner shares no metrics: it trains, and tells nothing of how good a model is. */
  readonly testImages: number | undefined
}

/** A model that was published to a cohort; only that cohort knows what is behind it. */
export interface ModelRef {
  readonly id: number
}

/** What a round asks of every owner. */
export interface RoundTask {
  readonly round: number
  readonly lr: number
  /** The model to train from; undefined if each owner begins with weights of its own. */
  readonly model: ModelRef | undefined
  /** Whether the owners evaluate their local models. */
  readonly evaluate: boolean
  /** Whether an owner evaluates what it received too: nobody knows it of this model yet. */
  evaluateReceived(owner: number): boolean
  instruct(owner: number): Instruction
  /** The owners that train; default: all. */
  readonly only?: readonly number[] | undefined
  /** Of these owners' rounds, how many are kept for good; default: all before this one. */
  readonly kept?: number | undefined
}

export interface OwnerProgress extends Omit<Progress, 'loss'> {
  readonly type: 'owner-progress'
  readonly round: number
  readonly owner: number
  /** As in `Progress`; undefined if the owner does not share it. */
  readonly loss: number | undefined
}

/** What an owner hands in after a round; one that shares no metrics leaves them out. Under masks its weights have no tensors. */
export interface Update extends Omit<Trained, 'loss' | 'local'> {
  readonly type: 'update'
  readonly owner: number
  /** Images in its shard. */
  readonly trainImages: number
  /** As in `Trained`; undefined if the owner does not share them. */
  readonly loss: number | undefined
  readonly local: Evaluation | undefined
  /** What its local objective sends with the weights. */
  readonly sent: State
  /** Under masks, what it hands in instead of weights. */
  readonly sealed?: Sealed | undefined
  /** What merge rules asked of it, each by its `statisticName`; undefined if none asked. */
  readonly statistics?: NamedWeights | undefined
  /** The model that it received, on its own test set before training; if that was asked for, and is shared. */
  readonly received: Evaluation | undefined
}

/** The states of owners, by owner. */
export type OwnerStates = ReadonlyMap<number, State>

/**
 * Who takes part in a run: owners in this process (local/), in others, or on machines of their own. They take models and
 * instructions, and give weights and counts, never images. Workers, threads, retries and transport are below it.
 */
export interface Cohort {
  readonly owners: readonly OwnerCard[]
  /** Whether nobody knows how long its owners take: without waiting, their models arrive in an order of their own. */
  readonly real?: true | undefined
  /**
   * Makes a model known to owners, once for whatever is asked of them with it.
   * @param to those that it is sent to; default: all
   */
  publish(model: Weights, to?: readonly number[]): Promise<ModelRef>
  /**
   * A round of training: progress as it comes, and the updates in the owners' order. All owners' are there, unless the
   * cohort was told that some may be absent.
   * @throws FedunifyError (training) naming the owner that failed; then the round does not count
   */
  train(task: RoundTask, signal: AbortSignal): AsyncIterable<OwnerProgress | Update>
  /** With masks that bear losses: what unmasks the sum of the round that has just been trained. */
  unmasking?(): Unmasking | undefined
  /** A model on every owner's own test set, by owner, in their order. Owners that were absent from a round, or share no metrics, have none. */
  evaluate(model: ModelRef, signal: AbortSignal): Promise<ReadonlyMap<number, Evaluation>>
  /** What has travelled since the last call, in the owners' order; of owners in this process, what would. */
  takeTraffic(): readonly Traffic[]
  /** What has left each owner since the last call, in their order; of owners in this process, what would. */
  takeDisclosed(): readonly Disclosed[]
  /** The states after a round of those owners that keep theirs here, for the checkpoint. */
  states(round: number): OwnerStates
  /**
   * A run goes on after its last complete round: gives those owners their states back, from a checkpoint. The model that
   * is published next is that round's.
   */
  restore(round: number, states: OwnerStates): void
  /** What the owners do for a head that is fitted to the unified model; undefined if they cannot. */
  readonly heads?: HeadOwners | undefined
  close(): Promise<void>
}

/** The owners' part in fitting a last layer (algorithm/head/); the model has been published. */
export interface HeadOwners {
  /** Sums over the training images of all owners that take part in the round. */
  summarise(model: ModelRef, round: number, signal: AbortSignal): Promise<HeadStatistics>
  /** The model with that last layer, on the own test set of every owner that shares metrics, by owner. */
  evaluate(model: ModelRef, head: HeadWeights, signal: AbortSignal): Promise<ReadonlyMap<number, Evaluation>>
}
