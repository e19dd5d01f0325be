import type { LoadedRun } from '../runs/read/load-run.ts'

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
export function trafficTotals({
  traffic: rows = [],
  manifest: { shards },
  rounds,
}: Pick<LoadedRun, 'traffic' | 'manifest' | 'rounds'>): TrafficTotals | undefined {
  const [first] = rows
  if (!first) return undefined
  // One without a row in a round was sent nothing.
  const turns = shards.length * rounds
  const owners = new Map<number, Bytes>(shards.map(({ owner }) => [owner, { down: 0, up: 0 }]))
  const all = { down: 0, up: 0 }
  for (const { owner, down_bytes: down, up_bytes: up } of rows) {
    const before = owners.get(owner)
    owners.set(owner, { down: (before?.down ?? 0) + down, up: (before?.up ?? 0) + up })
    all.down += down
    all.up += up
  }
  return {
    all,
    each: { down: all.down / turns, up: all.up / turns },
    even:
      rows.length === turns &&
      rows.every((row) => row.down_bytes === first.down_bytes && row.up_bytes === first.up_bytes),
    owners,
  }
}
