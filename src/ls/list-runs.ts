import { FedunifyError } from '../errors.ts'
import { NAME_HINT } from '../runs/read/find-runs.ts'
import { GLANCES, type RunGlance } from '../runs/read/glance.ts'
import { namedRunsBy } from '../runs/read/named-runs.ts'
import { differingKeys } from '../runs/read/run-groups.ts'
import { valuesOf } from './fields.ts'
import { type RunRow, rowsOf } from './row.ts'
import { type Standings, standingsOf } from './standings.ts'
import { assertField, type Condition, compareFields, rowsWhere } from './where.ts'

export interface ListRequest {
  /** Whether the seeds of an experiment share a row. */
  readonly grouped: boolean
  readonly where: readonly Condition[]
  /** A field; with a minus before it from the largest to the smallest. */
  readonly sort: string
  /** Rows at most. */
  readonly limit?: number | undefined
}

export interface RunList {
  readonly rows: readonly RunRow[]
  /** Keys of the experiments whose values differ among the rows. */
  readonly keys: readonly string[]
  /** How many rows there were before the limit. */
  readonly matching: number
  /** If they are sorted by an accuracy: how each stands to the best of all. */
  readonly standings: Standings | undefined
  /** Folders that cannot be read or trusted. */
  readonly damaged: readonly Damaged[]
}

interface Damaged {
  readonly path: string
  readonly error: FedunifyError
}

/**
 * The runs below folders, or that globs match, as rows.
 * @throws FedunifyError (data) if a name means no run; (usage) for a field that no row has
 */
export async function listRuns(
  named: readonly string[],
  { grouped, where, sort, limit }: ListRequest,
): Promise<RunList> {
  const runs = new Set<RunGlance>()
  const damaged = new Map<string, Damaged>()
  for (const one of (await namedRunsBy(named, GLANCES)).flat()) {
    if ('missing' in one) throw new FedunifyError('E_RUN_NOT_FOUND', `${one.path}: ${one.missing}`, NAME_HINT)
    if ('run' in one) runs.add(one.run)
    else if (one.error.code === 'E_RUN_NOT_FOUND' && named.includes(one.path)) throw one.error
    else damaged.set(`${one.path} ${one.error.message}`, one)
  }
  const rows = sorted(rowsWhere(rowsOf([...runs], grouped), where), sort)
  const shown = rows.slice(0, limit)
  // The rounds have a column of their own.
  const keys = differingKeys(shown.map(({ config }) => config)).filter((key) => key !== 'rounds')
  const standings = standingsOf(rows, sort.replace(/^-/, ''))
  return { rows: shown, keys, matching: rows.length, standings, damaged: [...damaged.values()] }
}

/** By the first value of a field; rows that have none come last either way. */
function sorted(rows: readonly RunRow[], sort: string): RunRow[] {
  const [, minus, field = ''] = /^(-?)(.*)$/s.exec(sort)!
  assertField(field, rows)
  const keyed = rows.map((row) => ({ row, value: valuesOf(row, field)[0] }))
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined)
      return Number(a.value === undefined) - Number(b.value === undefined)
    const order = compareFields(a.value, b.value)
    return minus ? -order : order
  })
  return keyed.map(({ row }) => row)
}
