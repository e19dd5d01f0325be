import type { WriteStream } from 'node:tty'
import { createLogUpdate } from 'log-update'
import type { BatchRun } from '../../batch/plan.ts'
import { oneLine, type Palette, visible } from '../../visible.ts'
import { bar } from './bar.ts'
import type { BatchClock } from './batch-clock.ts'

/** A bar for each of the runs that are under way at the same time, and a line for the whole, redrawn in place. */
export class BatchBoard {
  readonly #log: ReturnType<typeof createLogUpdate>
  readonly #clock: BatchClock
  readonly #colors: Palette
  readonly #shown: (text: string) => string
  readonly #runs = new Map<BatchRun, string>()

  /** @param shown how commands in a line are written */
  constructor(stream: WriteStream, clock: BatchClock, colors: Palette, shown: (text: string) => string) {
    this.#log = createLogUpdate(stream)
    this.#clock = clock
    this.#colors = colors
    this.#shown = shown
  }

  /** Leaves a line above the bars. */
  line(text: string): void {
    this.#log.persist(visible(this.#shown(text)))
    if (this.#runs.size > 0) this.draw()
  }

  /** @param name how the run is called in front of its bar */
  begin(run: BatchRun, name: string): void {
    this.#runs.set(run, name)
    this.draw()
  }

  end(run: BatchRun): void {
    this.#runs.delete(run)
  }

  draw(): void {
    const wide = Math.max(...[...this.#runs.values()].map((name) => name.length))
    const lines = [...this.#runs].map(([run, name]) => {
      const { done, last, round } = this.#clock.positionOf(run)
      const at = `round ${Math.min(round + 1, last)}/${last}`
      return `  ${oneLine(name).padEnd(wide)} ${bar(done / last, this.#colors)}  ${at}`
    })
    this.#log(visible([...lines, this.#colors.dim(this.#clock.text())].join('\n')))
  }

  stop(): void {
    this.#log.clear()
    this.#log.done()
  }
}
