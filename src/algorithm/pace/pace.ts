import type { Part } from '../../parts.ts'
import type { Weights } from '../../weights/weights.ts'

/** An owner's model as it arrives, without the server having waited for the others. */
export interface Arrival {
  readonly owner: number
  readonly trained: Weights
  /** The model that it trained from. */
  readonly base: Weights
  /** Versions that the server has made since it sent that, from 0. */
  readonly staleness: number
}

/** What the server knows when it makes a version. */
export interface Versions {
  /** The last one. */
  readonly model: Weights
  /** The last model of each owner, as far as it has one: before its first, what all began with. */
  readonly lastOf: ReadonlyMap<number, Weights>
}

/** How a server goes on without waiting for all owners. */
export interface Pace {
  /** Arrivals of which it makes a version. */
  readonly buffer: number
  /** Whether it needs the last model of each owner. */
  readonly keepsLast: boolean
  /** For how much an arrival counts, by its staleness; for the log of arrivals. */
  weight(staleness: number): number
  /** One tensor of the next version: every element of `out` must be written. */
  step(tensor: string, versions: Versions, arrivals: readonly Arrival[], out: Float32Array): void
}

/** `make` gives undefined if a round waits for all owners. */
export type PacePart<O extends object = object> = Part<O, Pace | undefined>
