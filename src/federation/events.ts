import type { Evaluation, Progress } from '../engine/engine.ts'
import { FedunifyError, messageOf } from '../errors.ts'
import type { Weights } from '../weights/weights.ts'

/** The number that stands for the pooled baseline where an owner's is expected: owners count from 1. */
export const POOLED = 0

export interface Started {
  readonly type: 'started'
  /** Participants, in the order in which they are merged. */
  readonly owners: readonly number[]
  /** Rounds to run, and how many of them an earlier process has done. */
  readonly rounds: number
  readonly done: number
  readonly merges: readonly string[]
  readonly baseline: boolean
}

export interface OwnerProgress extends Progress {
  readonly type: 'owner-progress'
  readonly round: number
  readonly owner: number
}

export interface OwnerTrained {
  readonly type: 'owner-trained'
  readonly round: number
  readonly owner: number
  readonly epochs: number
  /** Images trained on, epochs counted each. */
  readonly images: number
  /** Images in the owner's shard. */
  readonly trainImages: number
  readonly loss: number
  /** The local model on the owner's own test set, after training. */
  readonly local: Evaluation
  /** The model that the owner received, on its own test set, before training; the pooled baseline receives none. */
  readonly copied: Evaluation | undefined
  /** Seconds of training. */
  readonly seconds: number
}

export interface Scored {
  readonly merge: string
  /** On the server's test set, which is the union of the owners'. */
  readonly unified: Evaluation
}

export interface RoundFinished {
  readonly type: 'round-finished'
  readonly round: number
  readonly lr: number
  readonly locals: readonly OwnerTrained[]
  /** One for each merge rule; the first is the one that was copied back. */
  readonly merges: readonly Scored[]
  /** The unified model. It is good until the round after the next, whose models are made in its memory. */
  readonly weights: Weights
  /** How far the owners' weights lie apart, by tensor (see algorithm/drift.ts). */
  readonly drift: Readonly<Record<string, number>>
  /** The model trained on the pooled shards: `local` is it on the server's test set. */
  readonly baseline: (OwnerTrained & { readonly weights: Weights }) | undefined
  readonly seconds: { readonly train: number; readonly merge: number; readonly evaluate: number }
}

export interface Finished {
  readonly type: 'finished'
  readonly rounds: number
  readonly reason: 'rounds' | 'stop-at'
  readonly seconds: number
}

/** What a federation tells its listeners, in order. */
export type FederationEvent = Started | OwnerProgress | OwnerTrained | RoundFinished | Finished

/** The last event of a run that did not come to its end, for whoever reads events instead of stderr. */
export interface Failed {
  readonly type: 'failed'
  readonly kind: FedunifyError['kind']
  readonly message: string
  readonly hint?: string
  /** Where it happened, if that is known. */
  readonly owner?: number
  readonly round?: number
  readonly tensor?: string
}

/** What a run tells its sinks, in order. */
export type RunEvent = FederationEvent | Failed

/** Why a run failed, as an event. An error that nobody foresaw is one of training. */
export function failedEvent(error: unknown): Failed {
  if (!(error instanceof FedunifyError)) return { type: 'failed', kind: 'training', message: messageOf(error) }
  const { kind, message, hint, place } = error
  return { type: 'failed', kind, message, ...(hint !== undefined && { hint }), ...place }
}
