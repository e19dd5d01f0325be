import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { FedunifyError } from '../../../errors.ts'
import { dataSize } from '../../../format.ts'
import { compiled } from '../../../system/compiled.ts'
import { requireRoom } from '../../../system/limits.ts'
import { refusalOf } from '../../../system/refusal.ts'
import type { Engine, Learner, LearnerJob } from '../../engine.ts'
import { checkHooks } from '../../training/check-hooks.ts'
import { divergence, failure } from '../../training/failure.ts'
import { loadFailure, RUNTIME_VERSION } from '../machine/runtime.ts'
import { Grouped } from './grouped.ts'
import type { Target } from './job-sessions.ts'
import { lendTraining } from './shared-plan.ts'
import { SharedMemory } from './shared-weights.ts'
import type { Setup, Task, TaskResult } from './worker.ts'

/** Trains with onnxruntime: the training step is an ONNX graph of its own (see training-graph.ts). */
export function onnxEngine(target: Target): Engine {
  const { device, block, cacheBytes } = target
  const version = `onnxruntime-node ${RUNTIME_VERSION}`
  return {
    name: 'onnx',
    device,
    version: block === undefined ? version : `${version}, blocks of ${block} channels`,
    ...(cacheBytes !== undefined && { tuning: tuned(cacheBytes) }),
    open: (job) => open(target, job),
  }
}

const tuned = (cacheBytes: number) =>
  cacheBytes === 0 ? 'whole batches' : `micro-batches of at most ${dataSize(cacheBytes)} a layer`

async function open(target: Target, { signal, ...job }: LearnerJob): Promise<Learner> {
  // On a GPU the owners take turns: one of them fills it.
  const threads = target.device === 'cpu' ? job.workers : 1
  requireRoom(threads)
  const cancelled = new Int32Array(new SharedArrayBuffer(4))
  const loaded = new Int32Array(new SharedArrayBuffer(4))
  const cancel = () => Atomics.store(cancelled, 0, 1)
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  const pool = new Piscina<Task, TaskResult<Task>>({
    filename: compiled('worker', import.meta.url),
    minThreads: threads,
    maxThreads: threads,
    workerData: { target, job, cancelled, loaded } satisfies Setup,
  })
  const crashes = new Crashes(pool)
  const memory = new SharedMemory()
  const underWay = new Set<Promise<unknown>>()
  const run = async <T extends Task>(task: T, transfer: MessagePort[] = []): Promise<TaskResult<T>> => {
    const result = crashes.race(pool.run(task, { transferList: transfer }))
    underWay.add(result)
    try {
      return (await result) as TaskResult<T>
    } catch (error) {
      signal?.throwIfAborted()
      throw loadFailure(error) ?? refusalOf(error) ?? error
    } finally {
      underWay.delete(result)
    }
  }

  const grouped = new Grouped((weights, sets) =>
    memory.lend(weights, (shared) => run({ kind: 'evaluate', weights: shared, sets })),
  )

  return {
    async train(start, plan, report) {
      checkHooks(job.model, plan)
      const { port1, port2 } = new MessageChannel()
      port1.on('message', report)
      try {
        const result = await lendTraining(memory, start, plan, (shared, shareable) =>
          run({ kind: 'train', start: shared, plan: shareable, progress: port2 }, [port2]),
        )
        // The result comes by a way of its own and may overtake reports that were sent before it.
        for (let late = receiveMessageOnPort(port1); late; late = receiveMessageOnPort(port1)) report(late.message)
        if ('diverged' in result) throw divergence(plan, result.diverged)
        return result
      } catch (error) {
        if (error instanceof FedunifyError || signal?.aborted) throw error
        throw failure('onnx', plan, error)
      } finally {
        port1.close()
      }
    },
    evaluate: (weights, indices) => grouped.evaluate(weights, indices),
    summarise: (weights, indices) =>
      memory.lend(weights, (shared) => run({ kind: 'summarise', weights: shared, indices })),
    measure: (weights, indices, statistic) =>
      memory.lend(weights, (shared) => run({ kind: 'measure', weights: shared, indices, statistic })),
    async close() {
      signal?.removeEventListener('abort', cancel)
      cancel()
      // Tasks end at their next check. To end a thread inside the native library, or while it loads it, takes the whole
      // process down.
      await Promise.allSettled(underWay)
      while (Atomics.load(loaded, 0) < threads && !crashes.any) await sleep(5)
      crashes.expected = true
      await pool.destroy()
    },
  }
}

/** Milliseconds in which the error of a thread that ended may still come. */
const LATER = 200

/** Whether it is the pool's word for the end of a thread, which gives no reason. */
const isEnd = (error: Error) => error.message.startsWith('worker exited with code')

/** Threads that end by themselves, as where the native library does not load: a pool tells, and leaves tasks waiting. */
class Crashes {
  readonly #waiting = new Set<(error: Error) => void>()
  #first: Error | undefined
  /** Threads are ended: nothing is wrong. */
  expected = false

  get any(): boolean {
    return this.#first !== undefined
  }

  constructor(pool: Piscina) {
    pool.on('error', (error) => this.#hear(error))
    // A thread that ends before it is ready without an error is started again, and so for ever.
    for (const thread of pool.threads) {
      thread.once('error', (error) => this.#hear(error))
      thread.once('exit', () => this.#ended())
    }
  }

  #hear(error: Error): void {
    if (isEnd(error)) this.#ended()
    else this.#tell(error)
  }

  /** On a busy machine the reason comes only after the end. */
  #ended(): void {
    if (!this.expected) setTimeout(() => this.#tell(new Error('a thread ended by itself')), LATER)
  }

  #tell(error: Error): void {
    this.#first ??= error
    for (const reject of this.#waiting) reject(this.#first)
    this.#waiting.clear()
  }

  /** What a task comes to, or the crash before which it did not. */
  race<T>(task: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = (how: () => void) => {
        this.#waiting.delete(reject)
        how()
      }
      task.then(
        (value) => settle(() => resolve(value)),
        (error: Error) => (isEnd(error) ? this.#ended() : settle(() => reject(error))),
      )
      if (this.#first) reject(this.#first)
    })
  }
}

type MessagePort = InstanceType<typeof MessageChannel>['port1']
