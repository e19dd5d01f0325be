import type { LabelShares } from '../../../audit/attack.ts'
import type { AuditRow } from '../../../audit/audit-run.ts'
import { scrollBox, table } from '../chart/figure.ts'
import { html, type Markup } from '../markup.ts'

/** The shares of the classes that an attack found in updates, beside the true ones. */
export function inferredLabels(
  id: string,
  { by, shares }: Pick<AuditRow, 'by'> & { readonly shares: readonly LabelShares[] },
  classNames: readonly string[],
  of: string,
): Markup {
  const title = `Classes that the ${by} finds in updates${of}`
  const text = (share: number) => (100 * share).toFixed(1)
  const rows = shares.flatMap(({ of: whose, real, found }) => [
    [`${whose}, found`, ...found.map(text)],
    [`${whose}, true`, ...real.map(text)],
  ])
  return html`<section id="${id}"><h3>${title}</h3><p>Shares of the classes in percent, found by label-inference and true.</p>${scrollBox(title, table(['update', ...classNames], rows))}</section>
`
}
