import type { WriteStream } from 'node:tty'
import { reasonOf } from '../../batch/failure.ts'
import type { BatchRun } from '../../batch/plan.ts'
import { type BatchListener, type BatchResult, doneBefore } from '../../batch/run-batch.ts'
import { FedunifyError } from '../../errors.ts'
import type { RunEvent } from '../../federation/events.ts'
import { VERSION } from '../../package.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { BatchBoard } from './batch-board.ts'
import { BatchClock } from './batch-clock.ts'
import { fetchProgress, LiveProgress, PlainProgress, type ProgressView } from './progress.ts'

interface BatchView {
  /** Writes a line. */
  readonly write: (line: string) => void
  readonly colors: Palette
  /** Runs at the same time. */
  readonly jobs: number
  /** Where bars are drawn; undefined if there is no terminal with room for them. */
  readonly terminal: WriteStream | undefined
  /** A note as the user of the terminal has it. */
  readonly shown?: (line: string) => string
  /** Whether finished runs are done again. */
  readonly force?: boolean
}

/** How a batch goes, for people: its runs by number, each with its own progress, and how long all of it takes. */
export class BatchProgress implements BatchListener {
  readonly #runs: readonly BatchRun[]
  readonly #view: BatchView
  readonly #views = new Map<BatchRun, ProgressView>()
  readonly #notes = new Set<string>()
  #clock: BatchClock
  #board: BatchBoard | undefined

  constructor(runs: readonly BatchRun[], view: BatchView) {
    this.#runs = runs
    this.#view = view
    this.#clock = new BatchClock(runs)
  }

  /** Looks how far the runs are before any begins. */
  async look(): Promise<void> {
    const { terminal, jobs, colors, force = false, shown = (line) => line } = this.#view
    const done: number[] = []
    for (const run of this.#runs) done.push(await doneBefore(run, force))
    this.#clock = new BatchClock(this.#runs, done)
    // Bars of single owners would be too many: then there is one for each run.
    if (terminal && jobs > 1) this.#board = new BatchBoard(terminal, this.#clock, colors, shown)
  }

  started(run: BatchRun, resuming: boolean): void {
    const { colors, terminal, shown } = this.#view
    this.#clock.started()
    this.#say(colors.bold(`${this.#numbered(run)}${resuming ? ' (resuming)' : ''}`))
    this.#board?.begin(run, `[${this.#number(run)}]`)
    const line = (text: string) => this.#say(`[${this.#number(run)}] ${text}`)
    const several = this.#view.jobs > 1
    const footer = () => (this.#runs.length > 1 ? this.#clock.text() : '')
    const live = terminal && !several
    this.#views.set(
      run,
      live
        ? new LiveProgress(terminal, colors, { footer, ...(shown && { shown }) })
        : new PlainProgress(several ? line : (text) => this.#say(text), colors),
    )
  }

  note(run: BatchRun, note: string): void {
    if (this.#notes.has(note)) return
    this.#notes.add(note)
    const text = oneLine(`note: ${note}`)
    const view = this.#views.get(run)
    if (view && !this.#board) view.note(text)
    else this.#say(text)
  }

  fetching(run: BatchRun, line: string, share?: number): void {
    const view = this.#views.get(run)
    if (view) fetchProgress(view)(line, share)
  }

  /** What a worker elsewhere tells of a run. */
  line(run: BatchRun, line: string): void {
    this.#say(oneLine(`[${this.#number(run)}] ${line}`))
  }

  event(run: BatchRun, event: RunEvent): void {
    this.#clock.event(run, event)
    this.#views.get(run)?.event(event)
    this.#board?.draw()
  }

  ended({ run, outcome, error, madeBy }: BatchResult): void {
    const { colors } = this.#view
    this.#views.get(run)?.stop()
    this.#views.delete(run)
    this.#board?.end(run)
    this.#clock.ended(run)
    if (outcome === 'skipped') {
      const by = madeBy === undefined || madeBy === VERSION ? '' : ` by fedunify ${oneLine(madeBy)}`
      this.#say(colors.dim(`${this.#numbered(run)}: finished already${by}`))
      return
    }
    if (outcome === 'failed') {
      this.#say(`${colors.red('failed:')} ${this.#numbered(run)}: ${reasonOf(run, error)}`)
      if (error instanceof FedunifyError && error.hint) this.#say(`${colors.dim('hint:')} ${error.hint}`)
    }
    // Where there are bars, this is below them.
    const isTold = this.#view.terminal !== undefined || this.#runs.length === 1
    if (outcome !== 'interrupted' && !isTold) this.#say(colors.dim(this.#clock.text()))
  }

  /** Leaves the terminal as it should be. */
  stop(): void {
    this.#board?.stop()
  }

  #say(line: string): void {
    if (this.#board) this.#board.line(line)
    else this.#view.write(line)
  }

  #number(run: BatchRun): number {
    return this.#runs.indexOf(run) + 1
  }

  #numbered(run: BatchRun): string {
    return `[${this.#number(run)}/${this.#runs.length}] ${oneLine(run.path)}`
  }
}
