import type { BatchRun } from '../../batch/plan.ts'
import { localEpochs } from '../../config/schema.ts'
import { type RunEvent, trainingIn } from '../../federation/events.ts'
import { lastRound } from '../../federation/schedule.ts'
import { duration } from '../../format.ts'

/** How far a run is. */
interface Position {
  /** What a round of it costs, next to those of others. */
  readonly cost: number
  readonly last: number
  /** Rounds that were done when it was looked at first. */
  readonly before: number
  round: number
  /** Which part of the round under way is trained. */
  part: number
  participants: number
  readonly trained: Map<number, number>
}

/** How far a batch is, and how long the rest of it takes, told by its rounds so far. */
export class BatchClock {
  readonly #runs = new Map<BatchRun, Position>()
  readonly #ended = new Set<BatchRun>()
  #began: number | undefined

  /** @param done rounds of each run that are done */
  constructor(runs: readonly BatchRun[], done: readonly number[] = []) {
    for (const [i, run] of runs.entries()) {
      const cost = localEpochs(run.experiment) * (run.experiment.baseline === 'none' ? 1 : 2)
      const last = lastRound(run.experiment)
      const before = Math.min(done[i] ?? 0, last)
      this.#runs.set(run, { cost, last, before, round: before, part: 0, participants: 1, trained: new Map() })
    }
  }

  started(): void {
    this.#began ??= performance.now()
  }

  event(run: BatchRun, event: RunEvent): void {
    const at = this.#runs.get(run)!
    if (event.type === 'started') {
      at.round = event.done
      at.participants = trainingIn(event)
    } else if (event.type === 'owner-progress') {
      at.trained.set(event.owner, event.images / event.total)
      at.part = [...at.trained.values()].reduce((sum, part) => sum + part, 0) / at.participants
    } else if (event.type === 'round-finished') {
      Object.assign(at, { round: event.round, part: 0 })
      at.trained.clear()
    }
  }

  ended(run: BatchRun): void {
    this.#ended.add(run)
  }

  /** Rounds of a run that are done, the one under way counted by its part, of how many. */
  positionOf(run: BatchRun): { readonly done: number; readonly last: number; readonly round: number } {
    const { round, part, last } = this.#runs.get(run)!
    return { done: Math.min(round + part, last), last, round }
  }

  /** 3 of 12 runs done, 41 %, about 12 min left */
  text(now = performance.now()): string {
    let all = 0
    let done = 0
    let before = 0
    for (const [run, { cost, last, before: first, round, part }] of this.#runs) {
      all += cost * last
      before += cost * first
      done += cost * (this.#ended.has(run) ? last : Math.min(round + part, last))
    }
    const here = done - before
    const share = all === 0 ? 100 : Math.floor((100 * done) / all)
    const left =
      here > 0 && this.#began !== undefined ? (((now - this.#began) / 1000) * (all - done)) / here : undefined
    const eta = left === undefined || all === done ? '' : `, about ${duration(left)} left`
    return `${this.#ended.size} of ${this.#runs.size} runs done, ${share} %${eta}`
  }
}
