import { percent } from '../../format.ts'
import type { UnifiedRow } from '../../runs/read/read-tables.ts'
import { type Manifest, withoutMetrics } from '../../runs/run-description.ts'
import { NO_COLORS, type Palette } from '../../visible.ts'

/** What a unified model came to, and on whose test images. */
export function verdictText(
  { accuracy, merge, round }: UnifiedRow,
  { shards }: Manifest,
  { bold }: Pick<Palette, 'bold'> = NO_COLORS,
): string {
  const where = `(${merge}, round ${round})`
  if (accuracy === undefined) return `unified accuracy not known ${where}: no owner shares its metrics`
  const silent = withoutMetrics(shards)
  const on =
    silent.length > 0 ? `, on the test images of ${shards.length - silent.length} of ${shards.length} owners` : ''
  return `unified accuracy ${bold(`${percent(accuracy)} %`)} ${where}${on}`
}
