import { messageOf } from '../errors.ts'
import type { RunEvent } from '../federation/events.ts'
import { oneLine } from '../visible.ts'

/** Listens to a run: an object of optional hooks. What it does with events is its own; it cannot change a run. */
export interface Sink {
  /** Named if it fails. */
  readonly name: string
  /** Takes each event in its order; the run waits until it is done. */
  event?(event: RunEvent): void | Promise<void>
  /** Comes once, after the last event, however the run ended. */
  close?(): void | Promise<void>
}

/** Several sinks, each kept apart: one that fails is told of and left out from then on, the run and the others go on. */
export class Sinks {
  #working: readonly Sink[]
  readonly #note: (line: string) => void

  constructor(sinks: readonly Sink[], note: (line: string) => void = () => {}) {
    this.#working = sinks
    this.#note = note
  }

  event(event: RunEvent): Promise<void> {
    return this.#each((sink) => sink.event?.(event))
  }

  close(): Promise<void> {
    return this.#each((sink) => sink.close?.())
  }

  async #each(call: (sink: Sink) => void | Promise<void>): Promise<void> {
    for (const sink of this.#working) {
      try {
        await call(sink)
      } catch (error) {
        this.#working = this.#working.filter((one) => one !== sink)
        this.#note(`note: ${sink.name} failed and is left out from here on: ${oneLine(messageOf(error))}`)
      }
    }
  }
}
