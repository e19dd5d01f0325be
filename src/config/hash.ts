import { createHash } from 'node:crypto'
import { ownRules } from '../algorithm/merge/own-rule.ts'
import { type AnyChoice, choiceText } from '../parts.ts'
import { isMapping, omit } from './mapping.ts'
import { CHOICE_KEYS } from './parts/choice-keys.ts'
import type { Experiment } from './schema.ts'

/** Keys that say where, how fast and how far a run is done, but cannot change a number of the rounds that it does. */
export const NEUTRAL: readonly string[] = [
  'name',
  'out',
  'data',
  'workers',
  'stop-after',
  'keep',
  'keep-every',
  'expect',
] satisfies (keyof Experiment)[]

/** Keys that each side of a federation settles for itself: where files lie, and what computes. */
export const OWN_KEYS = [...NEUTRAL, 'engine', 'device', 'layout'] satisfies readonly string[]

/**
 * What decides a run's numbers, for people and comparisons: the experiment without its neutral keys, sorted by key,
 * each part on one line with its options, and the files of merge rules of the user's own by their hashes.
 */
export function decisive(experiment: Experiment): Record<string, unknown> {
  const entries = Object.entries(sorted(withoutNeutral(experiment)) as Record<string, unknown>).map(([key, value]) => {
    if (!(key in CHOICE_KEYS)) return [key, value]
    return [key, Array.isArray(value) ? value.map(choiceText) : choiceText(value as AnyChoice)]
  })
  const files = ownRules(experiment.merge).map(({ file, sha256 }) => [file, `sha256 ${sha256.slice(0, 12)}`])
  return Object.fromEntries([...entries, ...files])
}

/** The same but for the seed. */
export function withoutSeed(experiment: Experiment): Record<string, unknown> {
  const { seed: _, ...config } = decisive(experiment)
  return config
}

/**
 * SHA-256 (hex) over what decides a run's numbers: runs of one hash, engine and version give the same bits. Merge rules
 * of the user's own are told by their names and what is in their files, wherever these lie.
 */
export function configHash(experiment: Experiment): string {
  const own = ownRules(experiment.merge).map(({ name, sha256 }) => [name, sha256])
  const hashed = own.length > 0 ? { merge_rules: Object.fromEntries(own) } : {}
  return createHash('sha256')
    .update(JSON.stringify(sorted({ ...withoutNeutral(experiment), ...hashed })))
    .digest('hex')
}

const withoutNeutral = (experiment: Experiment) => omit({ ...experiment }, (key) => NEUTRAL.includes(key))

/** By key, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isMapping(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
