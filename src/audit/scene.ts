import type { OwnerWeights } from '../algorithm/merge/rule.ts'
import type { Learner } from '../engine/engine.ts'
import type { KeptRound } from '../remerge/merged.ts'
import type { PreparedRun } from '../run/prepare.ts'
import type { Manifest } from '../runs/run-description.ts'
import type { Weights } from '../weights/weights.ts'
import type { Refusal } from './attack.ts'
import type { SeenUpdate } from './seen-updates.ts'

/** What attacks are made on: a run, and what its parties have seen of it. */
export interface Scene {
  readonly manifest: Manifest
  /** Its experiment, with the data: the truth that attacks are held against. */
  readonly prepared: PreparedRun
  /** The unified model of the last round. */
  readonly model: Weights
  /** The round whose updates are looked at; undefined if none were kept. */
  readonly kept: KeptRound | undefined
  /** What parties have seen of the owners' updates of a round. */
  readonly updates: readonly SeenUpdate[]
  /** Why there are no updates of single owners. */
  readonly without: Refusal
  readonly signal: AbortSignal
  /** What trains and evaluates as the run did, with some of it changed; closed after the audit. */
  open(changed?: Partial<PreparedRun>): Promise<Learner>
}

/** The owners whose models the server has seen one by one: none under masks. */
export const seenByServer = ({ kept, manifest }: Scene): readonly OwnerWeights[] =>
  manifest.config.privacy?.masks ? [] : (kept?.owners ?? [])
