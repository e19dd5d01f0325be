import type { State } from '../algorithm/algorithm.ts'
import type { HeadWeights } from '../algorithm/head/head.ts'
import type { Evaluation } from '../engine/engine.ts'
import { ERRORS, type ErrorCode, type ErrorKind, messageOf } from '../errors.ts'
import type { Account, Spent } from '../privacy/account.ts'
import { refusalOf } from '../system/refusal.ts'
import type { Weights } from '../weights/weights.ts'
import type { Arrived } from './arrivals.ts'
import type { OwnerProgress, OwnerStates, Update } from './cohort.ts'
import type { Disclosed } from './disclosure.ts'
import type { Traffic } from './traffic.ts'

/** The number that stands for the pooled baseline where an owner's is expected: owners count from 1. */
export const POOLED = 0

export interface Started {
  readonly type: 'started'
  /** All of the run, in the order in which they are merged. */
  readonly owners: readonly number[]
  /** How many of them are drawn to train in each round, if not all do. */
  readonly participants?: number
  /** Rounds to run, and how many of them an earlier process has done. */
  readonly rounds: number
  readonly done: number
  readonly merges: readonly string[]
  readonly baseline: boolean
  /** Owners that share no metrics, if there are any. */
  readonly withoutMetrics?: readonly number[]
  /** The noise of all rounds, if there is any, and the ε that the run stays within, if there is a limit. */
  readonly privacy?: Pick<Account, 'level' | 'noise' | 'delta'> & { readonly budget?: number }
  /** The folder of the run, if it has one; not in the events that are kept there. */
  readonly folder?: string
}

/** How many train in a round, the pooled baseline counted. */
export const trainingIn = ({ owners, participants, baseline }: Started): number =>
  (participants ?? owners.length) + (baseline ? 1 : 0)

export interface OwnerTrained {
  readonly type: 'owner-trained'
  readonly round: number
  readonly owner: number
  readonly epochs: number
  /** Images trained on, epochs counted each. */
  readonly images: number
  /** Images in the owner's shard. */
  readonly trainImages: number
  /** Undefined if the owner shares no metrics; the evaluations are too, and in rounds without evaluation. */
  readonly loss: number | undefined
  /** The local model on the owner's own test set, after training. */
  readonly local: Evaluation | undefined
  /** The model that the owner received, on its own test set, before training; the pooled baseline receives none. */
  readonly copied: Evaluation | undefined
  /** Seconds of training. */
  readonly seconds: number
  /** What is to be kept of the round, if anything is; not in the events that are written. */
  readonly kept?: Kept
}

/** Models of an owner in a round, as a merge rule takes them. They may change once the round is over. */
export interface Kept {
  /** Those that it has handed in. */
  readonly weights: Weights
  /** The model that all owners trained from; undefined if each began with weights of its own. */
  readonly received: Weights | undefined
}

export interface Scored {
  readonly merge: string
  /** On the union of the test sets of owners that share their metrics; undefined if none does, and in rounds without evaluation. */
  readonly unified: Evaluation | undefined
  /** How many owners' test sets that is. */
  readonly evaluatedBy: number
}

export interface RoundFinished {
  readonly type: 'round-finished'
  readonly round: number
  readonly lr: number
  readonly locals: readonly OwnerTrained[]
  /** Owners that were to train in this round and did not, if that was allowed. Those that were not drawn are none of them. */
  readonly absent: readonly number[]
  /** One for each merge rule, the first of which is the one whose model is sent back; then the head, if one is fitted. */
  readonly merges: readonly Scored[]
  /** The unified model. Copy it to keep it: the round after the next makes its models in the same memory. */
  readonly weights: Weights
  /** The last layer that was fitted to it, if one was. */
  readonly head?: HeadWeights | undefined
  /** What the server keeps for the next round. */
  readonly serverState: State
  /** What the owners keep, those of them that keep it in this process. */
  readonly ownerStates: OwnerStates
  /** How far the owners' weights lie apart, by tensor (see algorithm/drift.ts). */
  readonly drift: Readonly<Record<string, number>>
  /** How many times the way to the merged model the server's step was, if the step chooses that anew in each round. */
  readonly stepSize?: number | undefined
  /** What the noise of the rounds up to this one has cost, if there is any. */
  readonly privacy?: Spent | undefined
  /** In a run without waiting: what this version was made of, in the order of arrival. */
  readonly arrivals?: readonly LoggedArrival[]
  /** Bytes of the round, by owner: of models that were published in it, and of updates. The baseline has none, and where owners are drawn one that nothing went to or came from is left out. */
  readonly traffic: readonly Traffic[]
  /** What left each owner in the round; of owners in this process, what would over a network. */
  readonly disclosed: readonly Disclosed[]
  /** The model trained on the pooled shards, if there is one: `local` is it on the server's test set. */
  readonly baseline: BaselineTrained | undefined
  readonly seconds: { readonly train: number; readonly merge: number; readonly evaluate: number }
}

/** An owner's model that arrived, in a run without waiting. */
export interface LoggedArrival extends Arrived {
  /** Versions that were made since it was sent what it trained from. */
  readonly staleness: number
  /** For how much it counts. */
  readonly weight: number
}

export interface BaselineTrained extends OwnerTrained {
  readonly weights: Weights
}

export interface Finished {
  readonly type: 'finished'
  readonly rounds: number
  /** `budget`: the next round would have cost more ε than was allowed. */
  readonly reason: 'rounds' | 'stop-at' | 'stop-after' | 'budget'
  readonly seconds: number
  /** As in `started`. */
  readonly folder?: string
}

/** What a federation tells its listeners, in order. */
export type FederationEvent = Started | OwnerProgress | OwnerTrained | RoundFinished | Finished

/** The last event of a run that did not come to its end, for whoever reads events instead of stderr. */
export interface Failed {
  readonly type: 'failed'
  /** What went wrong, as programs tell it apart (docs/errors.md). */
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly message: string
  readonly hint?: string
  /** Where it happened, if that is known. */
  readonly owner?: number
  readonly round?: number
  readonly tensor?: string
}

/** What a run tells its sinks, in order. */
export type RunEvent = FederationEvent | Failed

/** An update as an event: counts, and no weights. */
export function ownerTrained(round: number, update: Update, copied: Evaluation | undefined): OwnerTrained {
  const { owner, epochs, images, trainImages, loss, local, seconds } = update
  return { type: 'owner-trained', round, owner, epochs, images, trainImages, loss, local, copied, seconds }
}

/** Why a run failed, as an event: what the command line prints of it, and its exit code's kind. */
export function failedEvent(error: unknown): Failed {
  const refusal = refusalOf(error)
  if (!refusal) return { type: 'failed', code: 'E_BUG', kind: ERRORS.E_BUG.kind, message: messageOf(error) }
  const { code, kind, message, hint, place } = refusal
  return { type: 'failed', code, kind, message, ...(hint !== undefined && { hint }), ...place }
}
