import type { RunEvent } from '../federation/events.ts'
import { VERSION } from '../package.ts'

/** Raised when a reader of events would have to change. */
export const EVENT_FORMAT = 1

/**
 * An event as JSON has it: without the weights, which have a file of their own; counts as lists. The first says what
 * wrote it, and the format of all.
 */
export function plainEvent(event: RunEvent): object {
  const plain = JSON.parse(
    JSON.stringify(event, (key, value) => {
      if (key === 'weights') return undefined
      return value instanceof Uint32Array ? [...value] : value
    }),
  )
  return event.type === 'started' ? { type: event.type, format: EVENT_FORMAT, fedunify: VERSION, ...plain } : plain
}
