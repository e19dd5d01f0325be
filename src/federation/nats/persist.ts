import { setTimeout as sleep } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import type { Trouble } from './trouble.ts'

/** Milliseconds between two tries. */
const PAUSE = 250

/**
 * Repeats a request that fails while the broker restarts (no answer, no stream yet, no connection) until it succeeds.
 * @param trouble told of each failure, if something is put there
 * @throws the signal's reason once it is aborted; what is refused for good: a permission, a closed connection
 */
export async function persist<T>(ask: () => Promise<T>, signal: AbortSignal, trouble?: Trouble): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    try {
      const answer = await ask()
      trouble?.worked()
      return answer
    } catch (error) {
      if (isFinal(error)) throw error
      trouble?.failed(error)
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
