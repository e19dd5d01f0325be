import type { ObjectiveHooks } from '../../engine/hooks.ts'
import type { Part } from '../../parts.ts'
import type { Weights } from '../../weights/weights.ts'
import type { Instruction, State } from '../algorithm.ts'
import type { TensorStep } from '../server/server-step.ts'
import type { Setting, Unsound } from './setting.ts'

/** What an owner has when a round begins. */
export interface OwnerStart {
  /** The model that it received. It is not to be kept: its memory is used for another one. */
  readonly received: Weights
  readonly instruction: Instruction
  /** What it kept of the round before; nothing before its first. */
  readonly state: State
  /** How many images it trains on of each class. For an objective they do not leave the owner. */
  readonly labels: readonly number[]
}

/** What it has when it has trained. */
export interface OwnerEnd extends OwnerStart {
  readonly trained: Weights
  /** How many steps of plain SGD it went: its mini-batches, and more with momentum (see engine/effective-steps.ts). */
  readonly steps: number
  readonly lr: number
}

/** What an owner minimises in a round, in the terms of the engine's hooks. */
export interface Objective {
  /** What it adds to the cross-entropy of the owner's images; undefined if it is that alone. */
  hooks(start: OwnerStart): ObjectiveHooks | undefined
  /**
   * What the owner keeps of the round, and what it sends with its weights: the server sees the mean over the owners.
   * Without it an owner keeps nothing and sends its weights alone.
   */
  end?(end: OwnerEnd): { readonly state: State; readonly sent?: State }
  /** Whether owners may be absent from rounds: what they keep waits for them. If it keeps nothing, they may. */
  readonly absences?: boolean
  /** Whether it sends anything with the weights; if not, its owners send what they send without it. */
  readonly sends?: boolean
  /** The server's half, for objectives that have one. */
  readonly server?: ObjectiveServer
  /** What the server does with merged models, for objectives that bring their own server step. */
  readonly step?: TensorStep
}

/** Whether its rounds are right only if all owners take part in each. */
export const needsAllOwners = ({ absences, end, step }: Objective): boolean =>
  !absences && (end !== undefined || step !== undefined)

export interface ObjectiveServer {
  /** What the server keeps for it before the first round. */
  start(initial: Weights): State
  /** What each owner is sent with the model. */
  instruct(state: State, owner: number): Instruction
  /** @param sent the mean over the owners of the round of what they sent with their weights */
  step(state: State, sent: State, round: Attendance): State
}

/** How many owners took part in a round, of how many. */
export interface Attendance {
  readonly participants: number
  readonly owners: number
}

export interface ObjectivePart<O extends object = object> extends Part<O, Objective> {
  /** Why it must not be used in such an experiment, if so. */
  check?(setting: Setting, options: O): Unsound | undefined
}
