import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsMsg } from '@nats-io/jetstream'
import { messageOf } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import type { Sink } from '../../run/sinks.ts'
import { oneLine } from '../../visible.ts'
import { Hold, RunLost } from './hold.ts'
import { decode, headOf, type Job, QUEUE_FORMAT } from './messages.ts'
import type { Queue } from './queue.ts'
import { ACK_WAIT } from './streams.ts'
import { type Machine, NotHere, workOn } from './work-on.ts'

/** Milliseconds until a job that this worker refused may be offered to it again. */
const LATER = 5000

export interface WorkerSettings {
  readonly name: string
  readonly machine: Machine
  readonly once: boolean
  readonly signal: AbortSignal
  note(line: string): void
  /** What a run's events become as lines, for the batch. */
  progress(tell: (line: string) => void): Sink
}

/** Takes one job after another, until the signal is aborted, or after one. */
export class Worker {
  readonly #queue: Queue
  readonly #settings: WorkerSettings
  /** What was said of jobs that are for others. */
  readonly #said = new Set<string>()

  constructor(queue: Queue, settings: WorkerSettings) {
    this.#queue = queue
    this.#settings = settings
  }

  /** @throws the signal's reason once it is aborted */
  async work(): Promise<void> {
    const { once, signal } = this.#settings
    for (let done = false; !(once && done); ) {
      signal.throwIfAborted()
      const message = await this.#queue.next(signal)
      if (message) done = await this.#take(message)
    }
  }

  /** @returns whether the job was done, and is not left for others */
  async #take(message: JsMsg): Promise<boolean> {
    const { note } = this.#settings
    const head = headOf(message.data)
    if (head && (head.format !== QUEUE_FORMAT || head.fedunify !== VERSION)) {
      this.#leave(message, head, `it is for fedunify ${head.fedunify}, this worker has ${VERSION}`)
      return false
    }
    let job: Job
    try {
      job = decode('job', message.data)
    } catch (error) {
      note(`took off the queue: ${messageOf(error)}`)
      message.term()
      return false
    }
    const beat = setInterval(() => message.working(), ACK_WAIT / 4)
    try {
      return await this.#do(job, message)
    } finally {
      clearInterval(beat)
    }
  }

  async #do(job: Job, message: JsMsg): Promise<boolean> {
    const { name, machine, progress, note, signal } = this.#settings
    const { key, path } = job
    // A worker that died after its last word.
    if (await this.#queue.last('result', key, signal)) {
      message.ack()
      return false
    }
    const hold = await Hold.take(this.#queue, key, name, signal)
    const dir = await mkdtemp(join(tmpdir(), 'fedunify-worker-'))
    const tell = (line: string) => this.#tell(key, line)
    note(`${path}: taken`)
    try {
      const error = await workOn({ queue: this.#queue, job, hold, machine, dir, tell, progress, signal })
      await message.ackAck().catch(() => false)
      const outcome = error ? `failed: ${error.message}` : 'finished'
      note(`${path}: ${outcome}`)
      tell(outcome)
      return true
    } catch (error) {
      if (error instanceof NotHere) {
        this.#leave(message, job, error.message)
        return false
      }
      if (error instanceof RunLost) {
        note(`${path}: given up: ${error.message}`)
        return false
      }
      message.nak()
      tell('left it for another worker')
      note(`${path}: left for another worker: ${messageOf(error)}`)
      throw error
    } finally {
      await rm(dir, { recursive: true, force: true }).catch(() => {})
    }
  }

  /** Leaves a job for another worker. It is said here once; whoever waits for the run may listen later. */
  #leave(message: JsMsg, { key, path = key }: { key: string; path?: string | undefined }, why: string): void {
    message.nak(LATER)
    this.#tell(key, `refused ${path}: ${why}`, true)
    if (this.#said.has(key + why)) return
    this.#said.add(key + why)
    this.#settings.note(`${path}: refused: ${why}`)
  }

  #tell(key: string, line: string, refused = false): void {
    const { name } = this.#settings
    const text = oneLine(line).slice(0, 5000)
    this.#queue.tell({ format: QUEUE_FORMAT, fedunify: VERSION, key, worker: name, line: text, refused })
  }
}
