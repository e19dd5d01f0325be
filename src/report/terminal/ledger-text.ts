import type { Ledger, LedgerEntry } from '../../disclosure/ledger.ts'
import { dataSize, thousands } from '../../format.ts'
import { LEDGER_HEAD, ledgerCells } from '../ledger-cells.ts'
import { markdownTable } from '../markdown-table.ts'
import { wrap } from './wrap.ts'

/** Every form of a ledger, by the name that `--format` takes. */
export const LEDGER_FORMATS = { terminal, markdown, json } satisfies Record<
  string,
  (ledger: Ledger, title: string, width?: number) => string
>

const HOW_OFTEN = 'for one owner'

/** A paragraph for each kind of message: its lines are too long for the cells of a table. */
function terminal({ entries, words }: Ledger, title: string, width?: number): string {
  const paragraphs = entries.map((entry) => {
    const { from, to, what, when } = entry
    const pairs = [
      ['tells', entry.tells],
      ['read by', entry.readers],
      ['protected by', entry.mechanism || 'nothing'],
      ...(entry.attacks.length > 0 ? [['attacked by', entry.attacks.join(', ')]] : []),
    ]
    const lines = pairs.map(([name, text]) => wrap(`  ${name}: ${text}`, width))
    return [wrap(`${from} -> ${to}: ${what}, ${when}${amount(entry)}`, width), ...lines].join('\n')
  })
  return `${[title, ...paragraphs, words.map((word) => wrap(`- ${word}`, width)).join('\n')].join('\n\n')}\n`
}

function amount({ messages, bytes }: LedgerEntry): string {
  const parts = [
    ...(messages === undefined ? [] : [`${thousands(messages)} ${messages === 1 ? 'message' : 'messages'}`]),
    ...(bytes === undefined ? [] : [`about ${dataSize(bytes)}`]),
  ]
  return parts.length > 0 ? ` (${HOW_OFTEN} ${parts.join(', ')})` : ''
}

function markdown({ entries, words }: Ledger, title: string): string {
  const table = markdownTable(LEDGER_HEAD, entries.map(ledgerCells), LEDGER_HEAD.length)
  return `${title}\n\n${table}\n\n${words.map((word) => `- ${word}`).join('\n')}\n`
}

/** Raised when a reader of the JSON would have to change. */
const FORMAT = 1

/** See docs/formats.md. */
function json(ledger: Ledger): string {
  return `${JSON.stringify({ format: FORMAT, ...ledger }, undefined, 2)}\n`
}
