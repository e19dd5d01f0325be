import type { FedunifyError } from '../../errors.ts'
import { VERSION } from '../../package.ts'
import { putFiles, type readRunFiles } from './files.ts'
import { QUEUE_FORMAT, type State } from './messages.ts'
import { newToken, type Queue } from './queue.ts'

/** A run was taken by another worker, which thought this one dead, or taken off the queue. */
export class RunLost extends Error {}

type Contents = Awaited<ReturnType<typeof readRunFiles>>

/**
 * A worker's hold on a run: what it puts of the run on the broker takes the place of what it put there before, or of
 * nothing. So a worker that slept while another one took its run notices, and changes nothing of it.
 */
export class Hold {
  readonly #queue: Queue
  readonly #worker: string
  #state: State
  #sequence: number

  private constructor(queue: Queue, worker: string, state: State, sequence: number) {
    this.#queue = queue
    this.#worker = worker
    this.#state = state
    this.#sequence = sequence
  }

  /** Takes a run; `begun` is what was done of it. */
  static async take(queue: Queue, key: string, worker: string, signal: AbortSignal): Promise<Hold> {
    const session = newToken()
    const fresh = { format: QUEUE_FORMAT, fedunify: VERSION, key, round: 0, set: null, files: [] } as const
    for (;;) {
      const last = await queue.last('state', key, signal)
      const state = { ...fresh, ...last?.value, files: last?.value.files ?? [], fedunify: VERSION, worker, session }
      const sequence = await queue.putState(state, last?.sequence ?? 0, signal)
      if (sequence !== undefined) return new Hold(queue, worker, state, sequence)
    }
  }

  get begun(): Pick<State, 'round' | 'set' | 'files'> {
    return this.#state
  }

  /** Puts the files of a run on the broker as what a later worker goes on from. @throws RunLost */
  async save(round: number, contents: Contents, signal: AbortSignal): Promise<void> {
    const { key, set: before } = this.#state
    const put = await putFiles(this.#queue, key, contents, signal)
    await this.#put({ ...this.#state, round, ...put }, signal)
    if (before !== null) await this.#queue.dropBlobs(key, before, signal)
  }

  /** Tells how the run ended. @throws RunLost */
  async finish(contents: Contents, error: FedunifyError | undefined, signal: AbortSignal): Promise<void> {
    const { key } = this.#state
    const put = await putFiles(this.#queue, key, contents, signal)
    await this.#put(this.#state, signal)
    const head = { format: QUEUE_FORMAT, fedunify: VERSION, key, worker: this.#worker } as const
    const text = (line: string) => line.slice(0, 10_000)
    const failure = error && {
      code: error.code,
      message: text(error.message),
      hint: error.hint ? text(error.hint) : null,
    }
    await this.#queue.putResult({ ...head, ...put, error: failure ?? null }, signal)
  }

  async #put(state: State, signal: AbortSignal): Promise<void> {
    for (;;) {
      const sequence = await this.#queue.putState(state, this.#sequence, signal)
      this.#state = state
      if (sequence !== undefined) {
        this.#sequence = sequence
        return
      }
      const last = await this.#queue.last('state', state.key, signal)
      if (last && last.value.session !== state.session) throw new RunLost(`${last.value.worker} has taken it over`)
      // A broker that lost its store is given the job again by the batch.
      if (!last && !(await this.#offeredSoon(state.key, signal))) throw new RunLost('it is no longer on the queue')
      this.#sequence = last?.sequence ?? 0
    }
  }

  async #offeredSoon(key: string, signal: AbortSignal): Promise<boolean> {
    for (let tries = 0; tries < 10; tries++) {
      if (await this.#queue.isOffered(key, signal)) return true
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return false
  }
}
