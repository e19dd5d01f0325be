import type { Palette } from '../../visible.ts'

const WIDTH = 24

/** ━━━━━━────── 50 % of a fraction. */
export function bar(fraction: number, { cyan, dim }: Palette): string {
  const full = Math.round(fraction * WIDTH)
  const share = `${Math.floor(100 * fraction)} %`.padStart(5)
  return `${cyan('━'.repeat(full))}${dim('─'.repeat(WIDTH - full))} ${share}`
}
