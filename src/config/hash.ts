import { createHash } from 'node:crypto'
import { type AnyChoice, choiceText } from '../parts.ts'
import { isMapping, omit } from './mapping.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import type { Experiment } from './schema.ts'

/** Keys that say where and how fast a run is done, but cannot change a number of its result. */
export const NEUTRAL: readonly string[] = ['name', 'out', 'data', 'workers', 'expect'] satisfies (keyof Experiment)[]

/**
 * What decides a run's numbers, for people and comparisons: the experiment without its neutral keys, sorted by key,
 * each part on one line with its options.
 */
export function decisive(experiment: Experiment): Record<string, unknown> {
  const entries = Object.entries(withoutNeutral(experiment)).map(([key, value]) => {
    if (!(key in CHOICE_KEYS)) return [key, value]
    return [key, Array.isArray(value) ? value.map(choiceText) : choiceText(value as AnyChoice)]
  })
  return Object.fromEntries(entries)
}

/** SHA-256 (hex) over what decides a run's numbers: runs of one hash, engine and version give the same bits. */
export function configHash(experiment: Experiment): string {
  return createHash('sha256')
    .update(JSON.stringify(withoutNeutral(experiment)))
    .digest('hex')
}

const withoutNeutral = (experiment: Experiment) =>
  sorted(omit({ ...experiment }, (key) => NEUTRAL.includes(key))) as Record<string, unknown>

/** By key, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isMapping(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
