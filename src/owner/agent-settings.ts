import type { KeyObject } from 'node:crypto'
import type { Identities } from '../privacy/masks/signed-key.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy/policy.ts'
import type { OwnerRequest } from './policy/refusals.ts'
import type { OwnData } from './prepare-owner.ts'

export interface AgentSettings {
  /** 1-based. */
  readonly owner: number
  /** The owner's folder, in which it keeps what it needs of a run. */
  readonly dir: string
  /** Signs what the owner sends. */
  readonly key: KeyObject
  /** By which owners know each other: out of this owner's folder. Asked if a run has masks. */
  ownerKeys(): Promise<Identities>
  /** Verifies what the server sends. */
  readonly serverKey: KeyObject
  readonly data: OwnData
  /** Whether to stop after one run. */
  readonly once: boolean
  readonly signal: AbortSignal
  note(line: string): void
  /** What an experiment may ask of this owner. */
  readonly policy: Policy
  /** The owner's own book of what came in and what goes out. */
  readonly ledger: Ledger
  /** Told what an experiment asks, before it is answered. */
  asked(request: OwnerRequest): void
  /** Told what would be sent, if nothing is. */
  wouldSend(reply: object, bytes: number): void
  /** Whether to answer nothing: what would be sent is only shown. */
  readonly dryRun: boolean
}
