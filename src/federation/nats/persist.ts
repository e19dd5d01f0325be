import { setTimeout as sleep } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'

/** Milliseconds between two tries. */
const PAUSE = 250

/**
 * Repeats a request that fails while the broker restarts (no answer, no stream yet, no connection) until it succeeds.
 * @throws the signal's reason once it is aborted; what is refused for good: a permission, a closed connection
 */
export async function persist<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (isFinal(error)) throw error
      await sleep(PAUSE, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof FedunifyError) return true
  return /permission|authorization/i.test(error.message) || /Closed|Draining|Invalid/.test(error.name)
}

/** What a promise resolves to, unless the signal is aborted before. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
