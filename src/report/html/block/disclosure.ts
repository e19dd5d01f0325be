import { ledgerOf } from '../../../disclosure/ledger.ts'
import { LEDGER_HEAD, ledgerCells } from '../../ledger-cells.ts'
import type { RecordGroup } from '../../run-record.ts'
import { scrollBox, table } from '../chart/figure.ts'
import { html, type Markup } from '../markup.ts'

/** What left each party of a run: message by message, with what was counted where it was. */
export function disclosureBlock(id: string, { runs }: RecordGroup): Markup {
  const [{ manifest, disclosed }] = runs as [RecordGroup['runs'][number]]
  const { entries, words } = ledgerOf(manifest, Object.fromEntries(disclosed ?? []))
  const how = disclosed ? 'counted (disclosure.jsonl)' : 'worked out'
  return html`<section class="block long" id="${id}"><h3>What leaves whom</h3>
<p class="muted">Messages and bytes are those of one owner in the whole run, ${how}; with all owners in one process they are what would travel.</p>
<ul>${words.map((word) => html`<li>${word}</li>`)}</ul>
<details><summary>Message by message</summary>${scrollBox('Messages', table(LEDGER_HEAD, entries.map(ledgerCells)))}</details></section>
`
}
