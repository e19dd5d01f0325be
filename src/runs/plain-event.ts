import type { RunEvent } from '../federation/events.ts'
import { VERSION } from '../package.ts'

/**
 * Raised when a reader of events would have to change.
 * - 1: fields in camelCase (`trainImages`, `lossSum`).
 * - 2: in snake_case, as in every other file; a `failed` event has a code.
 */
export const EVENT_FORMAT = 2

/** Fields of events that have files of their own: models, and what left the owners. */
const ELSEWHERE = ['weights', 'head', 'kept', 'serverState', 'ownerStates', 'disclosed']

/**
 * An event as JSON has it (docs/formats.md): fields in snake_case, without what has a file of its own;
 * counts as lists. The first one, which may be the only one, says what wrote it, and the format of all.
 */
export function plainEvent(event: RunEvent): object {
  const { type, ...fields } = plainFields({ ...event })
  const first = type === 'started' || type === 'failed'
  return { type, ...(first && { format: EVENT_FORMAT, fedunify: VERSION }), ...fields }
}

function plainFields(fields: object): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([key, value]) => !ELSEWHERE.includes(key) && value !== undefined)
  // The keys of drift are names of tensors, not of fields.
  return Object.fromEntries(kept.map(([key, value]) => [snake(key), key === 'drift' ? value : plain(value)]))
}

function plain(value: unknown): unknown {
  if (value instanceof Uint32Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' && value !== null ? plainFields(value) : value
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
