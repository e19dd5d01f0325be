import { createHash } from 'node:crypto'
import type { Experiment } from './schema.ts'

/** Keys that say where and how fast a run is done, but cannot change a number of its result. */
const NEUTRAL: readonly (keyof Experiment)[] = ['name', 'out', 'data', 'workers', 'expect']

/** What decides a run's numbers: the experiment without its neutral keys, sorted by key. */
export function decisive(experiment: Experiment): Record<string, unknown> {
  const entries = Object.entries(experiment).filter(([key]) => !(NEUTRAL as readonly string[]).includes(key))
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** SHA-256 (hex) over what decides a run's numbers: runs of one hash, engine and version give the same bits. */
export function configHash(experiment: Experiment): string {
  return createHash('sha256')
    .update(JSON.stringify(decisive(experiment)))
    .digest('hex')
}
