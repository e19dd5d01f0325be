import { type Count, type Planned, plannedCounts } from './counts.ts'
import { type Message, messagesOf } from './entries.ts'
import { plainWords } from './plain-words.ts'

/** A kind of message with what it comes to, for one owner and a whole run. */
export interface LedgerEntry extends Message, Count {}

/** Party by party and message by message: what an experiment sends, who can read it, and under which protection. */
export interface Ledger {
  readonly entries: readonly LedgerEntry[]
  /** What else holds for this experiment, a sentence each. */
  readonly words: readonly string[]
}

/**
 * The ledger of an experiment on its shards. If all owners are in one process nothing travels, and this is what would.
 * @param counted what a run has sent, by kind; the rest is worked out
 */
export function ledgerOf(run: Planned, counted: Readonly<Record<string, Count>> = {}): Ledger {
  const counts = { ...plannedCounts(run), ...counted }
  const entries = messagesOf(run.config).map((message) => ({ ...message, ...counts[message.kind] }))
  const { config, shards, dataset, model } = run
  return { entries, words: plainWords(config, { shards, names: dataset.class_names, parameters: model.parameters }) }
}
