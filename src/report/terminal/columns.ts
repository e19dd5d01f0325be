import Table from 'cli-table3'
import { oneLine } from '../../visible.ts'

/**
 * Columns of right-aligned text under a head, without a frame.
 * @param left how many columns, from the first, are left-aligned
 */
export function columns(head: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' }
  const sides = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' }
  const table = new Table({
    head: head.map(oneLine),
    chars: { ...none, ...sides, right: '', 'right-mid': '', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (i < left ? 'left' : 'right')),
  })
  table.push(...rows.map((row) => row.map(oneLine)))
  return table.toString()
}
