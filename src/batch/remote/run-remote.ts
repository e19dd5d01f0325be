import { setTimeout as sleep } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { readManifest } from '../../runs/manifest.ts'
import { roundsDone, runState } from '../../runs/read/run-state.ts'
import { FolderLock } from '../../runs/write/lock.ts'
import type { BatchRun } from '../plan.ts'
import { type BatchListener, type BatchResult, skipDone } from '../run-batch.ts'
import { keepStudies } from '../study.ts'
import { putFiles, readRunFiles } from './files.ts'
import { keyOf, makeJob } from './job.ts'
import { errorOf, QUEUE_FORMAT } from './messages.ts'
import { placeRun } from './place.ts'
import type { Queue } from './queue.ts'

/** Milliseconds between two looks at what workers have done. */
const LOOK = 1000

export interface RemoteListener extends Pick<BatchListener, 'note' | 'ended'> {
  /** What a worker tells of a run, for people. */
  line(run: BatchRun, line: string): void
}

interface RemoteBatch {
  readonly queue: Queue
  readonly signal: AbortSignal
  readonly listener: RemoteListener
}

/**
 * Has workers do what is not done yet of a batch. Each run is a job on the queue, which any worker takes; its folder
 * comes back whole. What is on the queue stays there if this process ends: the same batch goes on with it later.
 */
export async function runRemotely(runs: readonly BatchRun[], batch: RemoteBatch): Promise<BatchResult[]> {
  const { queue, signal, listener } = batch
  await keepStudies(runs)
  const pending = new Map(runs.map((run) => [keyOf(run), run]))
  const results: BatchResult[] = []
  const end = (key: string, result: BatchResult) => {
    pending.delete(key)
    listener.ended(result)
    results.push(result)
  }
  let look = new AbortController()
  void queue.hear(({ key, worker, line, refused }) => {
    const run = pending.get(key)
    if (!run) return
    if (refused) listener.note(run, `${worker}: ${line}`)
    else listener.line(run, `${worker}: ${line}`)
    if (/^(finished|failed)/.test(line)) look.abort()
  })
  try {
    while (pending.size > 0) {
      const { jobs, results: ended } = await queue.standing(signal)
      for (const [key, run] of [...pending]) {
        const result = await advance(key, run, { offered: jobs.has(key), ended: ended.has(key) }, batch)
        if (result) end(key, result)
      }
      if (pending.size === 0) break
      await sleep(LOOK, undefined, { signal: AbortSignal.any([signal, look.signal]) }).catch(() => {})
      look = new AbortController()
      signal.throwIfAborted()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return results.sort((a, b) => runs.indexOf(a.run) - runs.indexOf(b.run))
}

/** Does what can be done for a run here; its result once it has ended. */
async function advance(
  key: string,
  run: BatchRun,
  { offered, ended }: { offered: boolean; ended: boolean },
  batch: RemoteBatch,
): Promise<BatchResult | undefined> {
  const { queue, signal } = batch
  try {
    const skipped = (await runState(run.path)) === 'finished' ? await skipDone(run, batch.listener) : undefined
    if (skipped) {
      // A batch that was killed may have left it there.
      if (ended && !offered) await queue.forget(key, signal)
      return skipped
    }
    // A job goes once its result is there; if its worker died in between, another one takes it off.
    if (offered) return undefined
    if (ended) return await collect(key, run, batch)
    await offer(key, run, batch)
    return undefined
  } catch (error) {
    if (signal.aborted) throw error
    return { run, outcome: 'failed', error }
  }
}

/** Fetches the result of a run. What cannot be written here stays on the broker. */
async function collect(key: string, run: BatchRun, { queue, signal }: RemoteBatch): Promise<BatchResult | undefined> {
  try {
    const found = await queue.last('result', key, signal)
    if (!found) return undefined
    const { files, error } = found.value
    const whole = files.length === 0 || (await placeRun(queue, run, found.value, signal))
    await queue.forget(key, signal)
    if (error) return { run, outcome: 'failed', error: errorOf(error) }
    // Without its files it is done again.
    return whole && files.length > 0 ? { run, outcome: 'finished' } : undefined
  } catch (error) {
    const broken = error instanceof FedunifyError && ['E_PROTOCOL', 'E_PAYLOAD', 'E_RUN_DAMAGED'].includes(error.code)
    if (broken) await queue.forget(key, signal)
    throw error
  }
}

async function offer(key: string, run: BatchRun, { queue, signal }: RemoteBatch): Promise<void> {
  const { path } = run
  if ((await runState(path)) !== 'none') await offerBegun(key, path, queue, signal)
  await queue.offer(await makeJob(queue, key, run, signal), signal)
}

/** Gives what is done of a run here to whoever goes on with it, unless the broker has more. */
async function offerBegun(key: string, path: string, queue: Queue, signal: AbortSignal): Promise<void> {
  const state = await queue.last('state', key, signal)
  const lock = await FolderLock.take(path, { signal })
  try {
    await readManifest(path)
    const round = await roundsDone(path)
    if (state?.value.set && state.value.round >= round) return
    const put = await putFiles(queue, key, await readRunFiles(path), signal)
    const head = { format: QUEUE_FORMAT, fedunify: VERSION, key } as const
    await queue.putState({ ...head, worker: 'batch', session: null, round, ...put }, state?.sequence ?? 0, signal)
  } finally {
    await lock.release()
  }
}
