import type { TrafficRow } from '../runs/read/read-tables.ts'

/** Bytes down to the owners and up from them. */
export interface Bytes {
  readonly down: number
  readonly up: number
}

/** What travelled in a run. */
export interface TrafficTotals {
  readonly all: Bytes
  /** Of one owner in one round: the mean. */
  readonly each: Bytes
  /** Whether that is every owner's in every round. */
  readonly even: boolean
  /** By owner, in their order. */
  readonly owners: ReadonlyMap<number, Bytes>
}

/** @returns undefined if there is no row: the run has no such table, or no round */
export function trafficTotals(rows: readonly TrafficRow[] = []): TrafficTotals | undefined {
  const [first] = rows
  if (!first) return undefined
  const owners = new Map<number, Bytes>()
  const all = { down: 0, up: 0 }
  for (const { owner, down_bytes: down, up_bytes: up } of rows) {
    const before = owners.get(owner)
    owners.set(owner, { down: (before?.down ?? 0) + down, up: (before?.up ?? 0) + up })
    all.down += down
    all.up += up
  }
  return {
    all,
    each: { down: all.down / rows.length, up: all.up / rows.length },
    even: rows.every((row) => row.down_bytes === first.down_bytes && row.up_bytes === first.up_bytes),
    owners,
  }
}
