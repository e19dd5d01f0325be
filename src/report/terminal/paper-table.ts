import { extremes } from '../quantile.ts'
import { columns } from './columns.ts'

const MOST_ROWS = 12
const MOST_LOCALS = 8

/** A run's table.csv for the terminal; of long runs the first and last rounds, of many owners the extremes. */
export function paperTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const merges = head.findIndex((name, i) => i > 0 && !name.startsWith('local_'))
  const isWide = merges - 1 > MOST_LOCALS
  const narrow = (row: readonly string[]) => {
    if (!isWide) return [...row]
    const { min, median, max } = extremes(row.slice(1, merges).map(Number))
    return [row[0]!, ...[min, median, max].map((value) => value.toFixed(2)), ...row.slice(merges)]
  }
  const cut = rows.length > MOST_ROWS
  const shown = (cut ? [...rows.slice(0, 3), ...rows.slice(-(MOST_ROWS - 4))] : rows).map(narrow)
  const locals = isWide ? ['local min', 'local median', 'local max'] : head.slice(1, merges)
  const names = [...head.slice(0, 1), ...locals, ...head.slice(merges)].map((name) =>
    name.replace('epoch', 'round').replace('_', ' '),
  )
  if (cut) shown.splice(3, 0, ['…', ...names.slice(1).map(() => '')])
  return columns(names, shown)
}
