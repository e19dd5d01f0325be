import type { Part } from '../parts.ts'
import type { Scene } from './scene.ts'

/** Who attacks: who merges the updates, another owner, or whoever has the unified model. */
export const ADVERSARIES = ['server', 'owner', 'user'] as const
export type Adversary = (typeof ADVERSARIES)[number]

/** A figure of an attack, and that of somebody who guesses. */
export interface Measure {
  /** As `fedunify check` names it. */
  readonly name: string
  readonly value: number
  /** The ends of its 95 % interval, if it has one. */
  readonly low?: number | undefined
  readonly high?: number | undefined
  /** Undefined if there is none to guess. */
  readonly guess: number | undefined
  /** What it would be if everything came to light; undefined if there is no such value. */
  readonly best: number | undefined
}

/** An image and what an attack made of it: grey values, [rows, cols], of each channel. */
export interface ImagePair {
  readonly real: Uint8Array
  readonly found: Uint8Array
}

/** The share of each class in an owner's images. */
export interface LabelShares {
  readonly of: string
  readonly real: readonly number[]
  readonly found: readonly number[]
}

/** What an attack came to. */
export interface Found {
  readonly by: Adversary
  /** What was attacked, in words. */
  readonly of: string
  /** What comes to light if it works, in words: "which classes an owner holds". */
  readonly what: string
  /** The first is the one that tables begin with. */
  readonly measures: readonly [Measure, ...Measure[]]
  readonly images?: { readonly rows: number; readonly cols: number; readonly pairs: readonly ImagePair[] }
  readonly shares?: readonly LabelShares[]
  /** What the reader must know of it, each on a line. */
  readonly notes?: readonly string[]
}

/** Why an attack is not made on a run, and what to do about it. */
export interface Refusal {
  readonly reason: string
  readonly hint?: string
}

export interface Attack {
  /** What the attacker must have, in words. */
  readonly needs: string
  /** Who could do it. */
  readonly by: readonly Adversary[]
  /**
   * @param by who of these is looked at
   * @returns why it is not made on this run, or what it came to
   */
  make(scene: Scene, by: readonly Adversary[]): Promise<Refusal | readonly Found[]>
}

/** An entry of the registry. */
export type AttackPart<O extends object = object> = Part<O, Attack>
