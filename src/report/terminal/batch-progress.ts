import { reasonOf } from '../../batch/failure.ts'
import type { BatchRun } from '../../batch/plan.ts'
import type { BatchListener, BatchResult } from '../../batch/run-batch.ts'
import { FedunifyError } from '../../errors.ts'
import type { FederationEvent } from '../../federation/events.ts'
import { oneLine, type Palette } from '../../visible.ts'
import { fetchProgress, PlainProgress, type ProgressView } from './progress.ts'

interface BatchView {
  /** Writes a line. */
  readonly write: (line: string) => void
  readonly colors: Palette
  /** Runs at the same time. */
  readonly jobs: number
  /** How a run shows its progress if it is alone. */
  readonly view: () => ProgressView
}

/** How a batch goes, for people: its runs by number, each with its own progress. */
export class BatchProgress implements BatchListener {
  readonly #runs: readonly BatchRun[]
  readonly #view: BatchView
  readonly #views = new Map<BatchRun, ProgressView>()
  readonly #notes = new Set<string>()

  constructor(runs: readonly BatchRun[], view: BatchView) {
    this.#runs = runs
    this.#view = view
  }

  started(run: BatchRun, resuming: boolean): void {
    const { write, colors, jobs, view } = this.#view
    write(colors.bold(`${this.#numbered(run)}${resuming ? ' (resuming)' : ''}`))
    // Bars of several runs would draw over each other: then a plain line for each round, with the run's number.
    const line = (text: string) => write(`[${this.#number(run)}] ${text}`)
    this.#views.set(run, jobs > 1 ? new PlainProgress(line, colors) : view())
  }

  note(_: BatchRun, note: string): void {
    if (!this.#notes.has(note)) this.#view.write(oneLine(`note: ${note}`))
    this.#notes.add(note)
  }

  fetching(run: BatchRun, line: string, share?: number): void {
    const view = this.#views.get(run)
    if (view) fetchProgress(view)(line, share)
  }

  /** What a worker elsewhere tells of a run. */
  line(run: BatchRun, line: string): void {
    this.#view.write(oneLine(`[${this.#number(run)}] ${line}`))
  }

  event(run: BatchRun, event: FederationEvent): void {
    this.#views.get(run)?.event(event)
  }

  ended({ run, outcome, error }: BatchResult): void {
    const { write, colors } = this.#view
    this.#views.get(run)?.stop()
    if (outcome === 'skipped') write(colors.dim(`${this.#numbered(run)}: finished already`))
    if (outcome !== 'failed') return
    write(`${colors.red('failed:')} ${this.#numbered(run)}: ${reasonOf(run, error)}`)
    if (error instanceof FedunifyError && error.hint) write(`${colors.dim('hint:')} ${error.hint}`)
  }

  #number(run: BatchRun): number {
    return this.#runs.indexOf(run) + 1
  }

  #numbered(run: BatchRun): string {
    return `[${this.#number(run)}/${this.#runs.length}] ${oneLine(run.path)}`
  }
}
