import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How much more there may be outside the heap than after the last collection, in bytes. */
const LOOSE = 8 * 2 ** 20

/** How much a heap may grow before all of it is looked through again, in percent of what was in use. */
const GROWTH = 300

type Collect = (options?: { type: 'minor' }) => void

let collect: Collect | undefined
let kept = Number.POSITIVE_INFINITY
let tried = false

/**
 * Collects garbage where buffers outside this thread's heap have become many. V8 goes by its heap, in which a model of
 * some MB is a few hundred bytes, and leaves 32 to 64 MB of them lying in every thread: the system has then to provide
 * new memory, page by page, for what could take the place of the last round's, and it takes long to do so.
 */
export function tidy(): void {
  const outside = getHeapStatistics().external_memory
  kept = Math.min(kept, outside)
  if (outside < kept + LOOSE) {
    tried = false
    return
  }
  collect ??= expose()
  // Most of it is young, and collecting that is quick. What it frees is known only later.
  if (!tried) collect({ type: 'minor' })
  else {
    collect()
    kept = getHeapStatistics().external_memory
  }
  tried = !tried
}

function expose(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

/**
 * Lets the heap of this process grow further between two collections. Buffers that come and go outside a heap make V8
 * look through all of it again and again: for many owners that takes as long as half of their training.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`)
}
