import { FedunifyError, messageOf } from '../errors.ts'
import type { LedgerNote } from './ledger-lines.ts'

/** What goes into the owner's book of what it answers; an update's weights have their own line. */
const KINDS: Readonly<Record<string, LedgerNote['kind']>> = {
  card: 'card',
  refused: 'refusal',
  failed: 'refusal',
  update: 'evaluation',
  statistics: 'counts',
  evaluation: 'evaluation',
  'mask-key': 'key',
  'mask-shares': 'share',
  'mask-signature': 'share',
  'mask-opened': 'share',
}

/** Of an update from which the metrics were kept back, there are counts alone. */
export const kindOf = ({ what, metrics }: { readonly what: string; readonly metrics?: unknown }) =>
  what === 'update' && metrics === null ? 'counts' : KINDS[what]

/** What an owner answers if it cannot do a task. */
export function failed(error: unknown): object {
  const refused = error instanceof FedunifyError ? error : undefined
  return {
    what: 'failed',
    code: refused?.code ?? 'E_BUG',
    message: messageOf(error).slice(0, 2000),
    hint: refused?.hint?.slice(0, 2000) ?? null,
    round: refused?.place.round ?? null,
    tensor: refused?.place.tensor ?? null,
  }
}
