import { setTimeout as sleep } from 'node:timers/promises'
import type { JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import { nextMessage } from '../federation/nats/next-message.ts'
import { TASKS } from '../federation/nats/streams.ts'

/** Milliseconds between two looks. */
const LOOK = 2000

/**
 * Looks, while a task is under way, whether the server has asked something since: a server keeps one task for an owner,
 * so that a later one is in the place of the one at hand. It is taken before that is done, to see what it is.
 * @param current the task at hand
 * @param take told of each later task, which is then the one to be kept alive and answered next
 * @returns once `signal` is aborted; never throws
 */
export async function watchLaterTasks(
  { js, jsm }: { readonly js: JetStreamClient; readonly jsm: JetStreamManager },
  owner: string,
  current: JsMsg,
  take: (later: JsMsg) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = current
  while (!signal.aborted) {
    await sleep(LOOK, undefined, { signal, ref: false }).catch(() => {})
    try {
      if (signal.aborted || (await jsm.consumers.info(TASKS, owner)).num_pending === 0) continue
      // The broker gives out the next one only after that.
      last.ack()
      const later = await nextMessage(js, TASKS, owner, NEVER)
      if (!later) continue
      last = later
      take(later)
    } catch {
      // A broker that is away is asked again at the next look.
    }
  }
}

const NEVER = new AbortController().signal
