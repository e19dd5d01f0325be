import { join } from 'node:path'
import { FedunifyError } from '../../errors.ts'
import { type Arrived, Timetable } from '../../federation/arrivals.ts'
import { ARRIVAL_COLUMNS, arrivalsTable } from '../tables.ts'
import type { Mark } from '../write/growing-file.ts'
import { MAX_TABLE, readRows } from './read-tables.ts'

interface Row {
  readonly round: number
  readonly arrival: number
  readonly owner: number
  readonly trained_from: number
  readonly time: number
}

/**
 * The arrivals that a run without waiting has recorded, in their order.
 * @param files how far its files count; a run of which no round is done has none
 * @throws FedunifyError (data) if the table is missing, or does not fit itself
 */
export async function readArrivals(dir: string, files: Readonly<Record<string, Mark>>): Promise<readonly Arrived[]> {
  const mark = files[arrivalsTable.file]
  if (!mark) return []
  const file = join(dir, arrivalsTable.file)
  const rows = await readRows<Row>(file, { size: mark.size, most: MAX_TABLE }, ARRIVAL_COLUMNS)
  const buffer = rows.filter(({ round }) => round === 1).length
  const table = new Timetable([...new Set(rows.map(({ owner }) => owner))], buffer || 1)
  for (const [i, { round, arrival, owner, trained_from, time, line }] of rows.entries()) {
    const { at, from } = table.land(owner, time)
    if (arrival === i + 1 && round === at && trained_from === from) continue
    const why = `arrival ${arrival} of version ${round}, trained from ${trained_from}, follows from none before it`
    throw new FedunifyError('E_RUN_DAMAGED', `${file}:${line}: ${why}`, 'restore the file, or do the run again')
  }
  return table.arrivals
}
