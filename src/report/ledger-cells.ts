import type { LedgerEntry } from '../disclosure/ledger.ts'
import { dataSize, thousands } from '../format.ts'

/** The cells of a ledger as a table. */
export const LEDGER_HEAD = [
  'from',
  'to',
  'what',
  'when',
  'messages',
  'bytes',
  'tells',
  'read by',
  'protected by',
  'attacked by',
]

export const ledgerCells = (entry: LedgerEntry): string[] => [
  entry.from,
  entry.to,
  entry.what,
  entry.when,
  entry.messages === undefined ? '' : thousands(entry.messages),
  entry.bytes === undefined ? '' : dataSize(entry.bytes),
  entry.tells,
  entry.readers,
  entry.mechanism || 'nothing',
  entry.attacks.join(', '),
]
