import type { KeyObject } from 'node:crypto'
import type { OwnData, PreparedOwner } from './prepare-owner.ts'

export interface AgentSettings {
  /** 1-based. */
  readonly owner: number
  /** The owner's folder, in which it keeps what it needs of a run. */
  readonly dir: string
  /** Signs what the owner sends. */
  readonly key: KeyObject
  /** Verifies what the server sends. */
  readonly serverKey: KeyObject
  readonly data: OwnData
  /** Whether to stop after one run. */
  readonly once: boolean
  readonly signal: AbortSignal
  note(line: string): void
  /** Why this owner does not take part, if so. */
  refusals(run: PreparedOwner, asks: { metrics: boolean; labels: boolean }): Promise<readonly string[]>
}
