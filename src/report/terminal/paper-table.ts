import { ownerOf, seriesTitle } from '../../runs/series-name.ts'
import { extremes } from '../../stats.ts'
import { columns } from './columns.ts'

const MAX_ROWS = 12
const MAX_LOCALS = 8

/** A run's table.csv for the terminal; of long runs the first and last rounds, of many owners the extremes. */
export function paperTable([head = [], ...rows]: readonly (readonly string[])[], width?: number): string {
  const merges = head.findIndex((name, i) => i > 0 && ownerOf(name) === undefined)
  const isWide = merges - 1 > MAX_LOCALS
  const narrow = (row: readonly string[]) => {
    if (!isWide) return [...row]
    const told = row.slice(1, merges).filter((cell) => cell !== '')
    const { min, median, max } = extremes(told.map(Number))
    const range = told.length > 0 ? [min, median, max].map((value) => value.toFixed(2)) : ['', '', '']
    return [row[0]!, ...range, ...row.slice(merges)]
  }
  const cut = rows.length > MAX_ROWS
  const shown = (cut ? [...rows.slice(0, 3), ...rows.slice(-(MAX_ROWS - 4))] : rows).map(narrow)
  const locals = isWide ? ['local min', 'local median', 'local max'] : head.slice(1, merges)
  const names = [...head.slice(0, 1), ...locals, ...head.slice(merges)].map((name) =>
    name === 'epoch' ? 'round' : seriesTitle(name),
  )
  if (cut) shown.splice(3, 0, ['…', ...names.slice(1).map(() => '')])
  return columns(names, shown, width)
}
