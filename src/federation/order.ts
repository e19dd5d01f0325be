import type { Arrived, Arriving } from './arrivals.ts'
import { Clock } from './clock.ts'

/** In which order the models of owners arrive in a run without waiting. */
export interface Order {
  /** What has arrived before the version that the run begins with. */
  readonly past: readonly Arrived[]
  /** The version that an owner's training is part of; undefined if it arrives after the last; unknown if nobody knows yet. */
  versionOf(owner: number, turn: number): number | undefined | 'unknown'
  /** Told of each training when it begins. */
  began(owner: number, update: Promise<unknown>): void
  /** The owner whose model is the next. */
  next(): Promise<Arrived>
}

/**
 * An order that is known before the run: of simulated owners, or of a run whose arrivals were recorded.
 * @param done how many of them were before
 */
export function plannedOrder(arrivals: readonly Arriving[], done: number): Order {
  let at = done
  /** The versions that each owner's trainings are part of, its first training first. */
  const versions = new Map<number, number[]>()
  for (const { owner, at } of arrivals) {
    const own = versions.get(owner)
    if (own) own.push(at)
    else versions.set(owner, [at])
  }
  return {
    past: arrivals.slice(0, done),
    versionOf: (owner, turn) => versions.get(owner)?.[turn - 1],
    began() {},
    next: async () => arrivals[at++]!,
  }
}

/**
 * The order in which the models come.
 * @param past what an earlier process has recorded; its time goes on
 */
export function realOrder(past: readonly Arrived[]): Order {
  const clock = new Clock()
  let time = past.at(-1)?.time ?? 0
  const landed: Promise<Arrived>[] = []
  let wake = () => {}
  return {
    past,
    versionOf: () => 'unknown',
    began(owner, update) {
      const come = () => {
        time = Math.round(1000 * (time + clock.lap())) / 1000
        return { owner, time }
      }
      const put = (arrived: Promise<Arrived>) => {
        landed.push(arrived)
        wake()
      }
      // One that fails is in its place too: whoever waits for the next model is told.
      update.then(
        () => put(Promise.resolve(come())),
        (error: unknown) => {
          const failed = Promise.reject(error)
          failed.catch(() => {})
          put(failed)
        },
      )
    },
    async next() {
      while (landed.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return await landed.shift()!
    },
  }
}
