import { columns } from './columns.ts'

const MOST_ROWS = 12
const MOST_COLUMNS = 12

/** A run's table.csv for the terminal; long runs show their first and last rounds, many owners their first. */
export function paperTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const extra = Math.max(0, head.length - MOST_COLUMNS)
  const merges = head.findIndex((name, i) => i > 0 && !name.startsWith('local_'))
  const narrow = (row: readonly string[]) =>
    extra === 0 ? [...row] : [...row.slice(0, merges - extra - 1), '…', ...row.slice(merges)]
  const cut = rows.length > MOST_ROWS
  const shown = (cut ? [...rows.slice(0, 3), ...rows.slice(-(MOST_ROWS - 4))] : rows).map(narrow)
  const names = narrow(head.map((name) => name.replace('epoch', 'round').replace('_', ' ')))
  if (cut) shown.splice(3, 0, ['…', ...names.slice(1).map(() => '')])
  return columns(names, shown)
}
