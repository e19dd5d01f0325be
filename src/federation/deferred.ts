import type { Disclosed } from './disclosure.ts'
import type { Traffic } from './traffic.ts'

/** What a cohort counts. */
export interface Counts {
  readonly traffic: readonly Traffic[]
  readonly disclosed: readonly Disclosed[]
}

/**
 * The counts of a cohort whose owners train in the background: what an owner sends counts in the round in which its model
 * arrives, however early it was done. So the counts of a run do not depend on how fast its machine is.
 */
export class DeferredCounts {
  /** Of owners whose model has not arrived, what they have sent. */
  readonly #waiting = new Map<number, { up: number; disclosed: readonly Disclosed[] }>()
  #traffic: Traffic[] = []
  #disclosed: Disclosed[] = []

  /** Takes what has been counted since the last time. */
  add({ traffic, disclosed }: Counts): void {
    for (const { owner, down, up } of traffic) {
      this.#traffic.push({ owner, down, up: 0 })
      const before = this.#waitingOf(owner)
      const own = disclosed.filter((one) => one.owner === owner && one.kind !== 'evaluation')
      this.#waiting.set(owner, { up: before.up + up, disclosed: [...before.disclosed, ...own] })
    }
    // Evaluations are asked for in between, and are waited for.
    this.#disclosed.push(...disclosed.filter(({ kind }) => kind === 'evaluation'))
  }

  /** An owner's model has arrived, and its next training has not begun. */
  arrived(owner: number): void {
    const { up, disclosed } = this.#waitingOf(owner)
    this.#traffic.push({ owner, down: 0, up })
    this.#disclosed.push(...disclosed)
    this.#waiting.delete(owner)
  }

  /** Those of a round, in the order of the owners given. */
  take(owners: readonly number[]): Counts {
    const [traffic, disclosed] = [this.#traffic, this.#disclosed]
    ;[this.#traffic, this.#disclosed] = [[], []]
    return {
      traffic: owners.map((owner) => {
        const own = traffic.filter((one) => one.owner === owner)
        const sum = (which: 'down' | 'up') => own.reduce((total, one) => total + one[which], 0)
        return { owner, down: sum('down'), up: sum('up') }
      }),
      disclosed: owners.flatMap((owner) => added(disclosed.filter((one) => one.owner === owner))),
    }
  }

  #waitingOf(owner: number) {
    return this.#waiting.get(owner) ?? { up: 0, disclosed: [] }
  }
}

/** Of one owner: those of a kind together. */
function added(all: readonly Disclosed[]): Disclosed[] {
  const kinds = new Map<Disclosed['kind'], Disclosed>()
  for (const one of all) {
    const before = kinds.get(one.kind)
    kinds.set(one.kind, {
      ...one,
      messages: (before?.messages ?? 0) + one.messages,
      bytes: (before?.bytes ?? 0) + one.bytes,
      fields: [...new Set([...(before?.fields ?? []), ...one.fields])],
    })
  }
  return [...kinds.values()]
}
