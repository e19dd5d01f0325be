import { createHash } from 'node:crypto'
import { isMapping } from './mapping.ts'
import type { Experiment } from './schema.ts'

/** Keys that say where and how fast a run is done, but cannot change a number of its result. */
export const NEUTRAL: readonly string[] = ['name', 'out', 'data', 'workers', 'expect'] satisfies (keyof Experiment)[]

/** What decides a run's numbers: the experiment without its neutral keys, sorted by key at every depth. */
export function decisive(experiment: Experiment): Record<string, unknown> {
  const entries = Object.entries(experiment).filter(([key]) => !NEUTRAL.includes(key))
  return sorted(Object.fromEntries(entries)) as Record<string, unknown>
}

/** SHA-256 (hex) over what decides a run's numbers: runs of one hash, engine and version give the same bits. */
export function configHash(experiment: Experiment): string {
  return createHash('sha256')
    .update(JSON.stringify(decisive(experiment)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isMapping(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
