import Table from 'cli-table3'
import { oneLine } from '../../visible.ts'

/** Spaces between two columns. */
export const GAP = 2

/**
 * Columns of right-aligned text under a head, without a frame. A table that is wider than `width` becomes several, one
 * below the other.
 * @param keys how many columns, from the first, each of these has again
 * @param left how many columns, from the first, are left-aligned
 */
export function columns(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
  keys = 1,
  left = 1,
): string {
  const cells = [head, ...rows].map((row) => row.map(oneLine))
  const widths = head.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)))
  const keyed = widths.slice(0, keys).reduce((sum, one) => sum + one + GAP, -GAP)
  const groups: number[][] = [[]]
  let taken = keyed
  for (let i = keys; i < head.length; i++) {
    if (taken + GAP + widths[i]! > width && groups.at(-1)!.length > 0) {
      groups.push([])
      taken = keyed
    }
    groups.at(-1)!.push(i)
    taken += GAP + widths[i]!
  }
  const always = head.slice(0, keys).map((_, i) => i)
  const pick = (group: readonly number[]) => cells.map((row) => [...always, ...group].map((i) => row[i] ?? ''))
  return groups.map((group) => table(pick(group), left)).join('\n\n')
}

function table([head = [], ...rows]: readonly (readonly string[])[], left: number): string {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' }
  const sides = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' }
  const made = new Table({
    head: [...head],
    chars: { ...none, ...sides, right: '', 'right-mid': '', middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (i < left ? 'left' : 'right')),
  })
  made.push(...rows.map((row) => [...row]))
  return made.toString()
}
