import type { RunEvent } from '../federation/events.ts'
import { VERSION } from '../package.ts'

/** Raised when a reader of events would have to change. */
export const EVENT_FORMAT = 1

/** Fields of events that hold models. */
const MODELS = ['weights', 'serverState', 'ownerStates']

/**
 * An event as JSON has it: without models, which have files of their own; counts as lists. The first says what
 * wrote it, and the format of all.
 */
export function plainEvent(event: RunEvent): object {
  const plain = JSON.parse(
    JSON.stringify(event, (key, value) => {
      if (MODELS.includes(key)) return undefined
      return value instanceof Uint32Array ? [...value] : value
    }),
  )
  return event.type === 'started' ? { type: event.type, format: EVENT_FORMAT, fedunify: VERSION, ...plain } : plain
}
