import { percent } from '../../format.ts'
import type { UnifiedRow } from '../../runs/read/read-tables.ts'
import { type Manifest, withoutMetrics } from '../../runs/run-description.ts'
import { NO_COLORS, type Palette } from '../../visible.ts'

/** What a unified model came to, and on which images. */
export function verdictText(
  { accuracy, merge, round }: UnifiedRow,
  { shards, config }: Manifest,
  { bold }: Pick<Palette, 'bold'> = NO_COLORS,
): string {
  const where = `(${merge}, round ${round})`
  if (accuracy === undefined) return `unified accuracy not known ${where}: no owner shares its metrics`
  const silent = withoutMetrics(shards)
  const images = config.validation === undefined ? 'test images' : 'validation images'
  const whose = silent.length > 0 ? ` of ${shards.length - silent.length} of ${shards.length} owners` : ''
  const on = whose !== '' || config.validation !== undefined ? `, on the ${images}${whose}` : ''
  return `unified accuracy ${bold(`${percent(accuracy)} %`)} ${where}${on}`
}
