import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { connectParty } from '../../src/federation/nats/connection.ts'
import { ownerToken } from '../../src/federation/nats/wire.ts'
import { readOwnerFolder } from '../../src/federation/setup/folders.ts'
import { publicKey, signingKey } from '../../src/federation/setup/keys.ts'
import { readOwnerKeys } from '../../src/federation/setup/owner-keys.ts'
import { Agent } from '../../src/owner/agent.ts'
import { LEDGER_NAME, type Ledger, openLedger } from '../../src/owner/ledger.ts'
import type { LedgerNote } from '../../src/owner/ledger-lines.ts'
import { OPEN_POLICY } from '../../src/owner/policy/policy.ts'
import { findPolicy } from '../../src/owner/policy/read-policy.ts'

/**
 * An owner in this process, until the test ends. Whatever leaves it is in its ledger first.
 * @param before told of each note; what it awaits is waited for, so that the owner can be gone at any point
 * @returns what ends it as a kill would
 */
export async function startAgent(
  federation: string,
  name: string,
  data: string,
  before: (note: LedgerNote) => Promise<void>,
): Promise<{ stop(): Promise<void> }> {
  const dir = join(federation, 'owners', name)
  const folder = await readOwnerFolder(dir)
  const stopped = new AbortController()
  const { signal } = stopped
  const party = { ...folder, token: ownerToken(folder.owner) }
  const connection = await connectParty(party, () => {}, signal)
  const ledger = await openLedger(join(dir, LEDGER_NAME))
  const noting = async (note: LedgerNote) => {
    await before(note)
    await ledger.note(note)
  }
  const agent = await Agent.open(connection, party, {
    owner: folder.owner,
    dir,
    key: signingKey(folder.seed),
    ownerKeys: () => readOwnerKeys(dir, folder),
    serverKey: publicKey(folder.serverKey),
    data: { data, shard: true, device: 'cpu', accept: false },
    once: true,
    signal,
    note: () => {},
    policy: (await findPolicy(dir)) ?? OPEN_POLICY,
    ledger: { note: noting } as Ledger,
    asked: () => {},
    wouldSend: () => {},
    dryRun: false,
  })
  agent.work().catch(() => {})
  const stop = async () => {
    stopped.abort()
    await connection.close()
  }
  onTestFinished(async () => {
    await stop()
    await ledger.close()
  })
  return { stop }
}

/** Holds an owner up before it sends for the so-manieth time what has this name in its ledger. */
export function heldBefore(kind: LedgerNote['kind'], times: number) {
  let left = times
  let reach = () => {}
  let release = () => {}
  const reached = new Promise<void>((done) => {
    reach = done
  })
  const held = new Promise<void>((done) => {
    release = done
  })
  const before = async (note: LedgerNote) => {
    if (note.direction !== 'out' || note.kind !== kind || --left !== 0) return
    reach()
    await held
  }
  return { before, reached, release }
}
