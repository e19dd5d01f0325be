import { messageOf } from '../../errors.ts'
import type { RunEvent } from '../../federation/events.ts'
import type { Sink } from '../../run/sinks.ts'
import { readRunFiles } from './files.ts'
import type { Hold } from './hold.ts'

/** Milliseconds between two uploads at least, and times as long as one takes. */
const PAUSE = 2000
const SHARE = 10

/**
 * Puts the run folder on the broker after a round, every few seconds: training goes on meanwhile. It is read as it
 * stands after a round, while the run waits for that.
 */
export class Upload implements Sink {
  readonly name = 'upload'
  readonly #hold: Hold
  readonly #path: string
  readonly #signal: AbortSignal
  readonly #failed: (error: unknown) => void
  #due = 0
  #busy: Promise<void> | undefined

  /** @param failed told why it cannot go on */
  constructor(hold: Hold, path: string, signal: AbortSignal, failed: (error: unknown) => void) {
    this.#hold = hold
    this.#path = path
    this.#signal = signal
    this.#failed = failed
  }

  async event(event: RunEvent): Promise<void> {
    if (event.type !== 'round-finished' || this.#busy || performance.now() < this.#due) return
    const contents = await readRunFiles(this.#path)
    const began = performance.now()
    this.#busy = this.#hold
      .save(event.round, contents, this.#signal)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        const now = performance.now()
        this.#due = now + Math.max(PAUSE, SHARE * (now - began))
        this.#busy = undefined
      })
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    await this.#busy
  }
}

/** A signal of whatever ends a job but a worker's own end. */
export class Stop {
  readonly #controller = new AbortController()
  readonly signal: AbortSignal
  cause: unknown

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal])
  }

  /** Ends it for a reason. */
  end(cause: unknown): void {
    if (this.signal.aborted) return
    this.cause = cause
    this.#controller.abort(new Error(messageOf(cause)))
  }
}
