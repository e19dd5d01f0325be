/** An owner's model that arrived. */
export interface Arrived {
  readonly owner: number
  /** From the start of the run: of simulated owners in units of their speeds, of others in seconds. */
  readonly time: number
}

/** The same, with what follows from the order of all before it. */
export interface Arriving extends Arrived {
  /** Which of this owner's trainings it is, from 1. */
  readonly turn: number
  /** The version that the owner trained from; 0 is the initial model. */
  readonly from: number
  /** The version that is made of it. */
  readonly at: number
}

/** What each owner is at in a run without waiting, arrival by arrival. */
export class Timetable {
  readonly #buffer: number
  readonly #underWay: Map<number, Pick<Arriving, 'turn' | 'from'>>
  readonly #arrivals: Arriving[] = []

  /**
   * @param buffer arrivals that make a version
   * @param past what has arrived already, in its order
   */
  constructor(owners: readonly number[], buffer: number, past: readonly Arrived[] = []) {
    this.#buffer = buffer
    this.#underWay = new Map(owners.map((owner) => [owner, { turn: 1, from: 0 }]))
    for (const { owner, time } of past) this.land(owner, time)
  }

  get arrivals(): readonly Arriving[] {
    return this.#arrivals
  }

  /** The version that the next arrival is part of. */
  get version(): number {
    return Math.floor(this.#arrivals.length / this.#buffer) + 1
  }

  /** Which of its trainings an owner is at, and from which version. */
  of = (owner: number): Pick<Arriving, 'turn' | 'from'> => this.#underWay.get(owner)!

  /**
   * An owner's model arrives, and it begins anew: the one that fills the buffer from the new version, the others from
   * the one before.
   */
  land(owner: number, time: number): Arriving {
    const at = this.version
    const arriving = { owner, time, ...this.of(owner), at }
    this.#arrivals.push(arriving)
    const fills = this.#arrivals.length % this.#buffer === 0
    this.#underWay.set(owner, { turn: arriving.turn + 1, from: fills ? at : at - 1 })
    return arriving
  }

  /** How many trainings of an owner are in the versions up to this one. */
  turnsIn(owner: number, version: number): number {
    return this.#arrivals.filter((one) => one.owner === owner && one.at <= version).length
  }
}

/**
 * The arrivals of all versions of a run, in their order. Owner k needs speeds[k] units of time for a training. Of those
 * that arrive at the same time, the owner with the lower number comes first.
 * @param speeds by the place of the owner; the last one is that of all that follow
 * @param buffer arrivals that make a version
 */
export function arrivalsOf(
  owners: readonly number[],
  speeds: readonly number[],
  buffer: number,
  versions: number,
): readonly Arriving[] {
  const table = new Timetable(owners, buffer)
  const takes = owners.map((owner, i) => ({ owner, takes: speeds[Math.min(i, speeds.length - 1)]! }))
  while (table.arrivals.length < versions * buffer) {
    // Multiplied, not added up: equal times stay equal.
    const next = takes
      .map(({ owner, takes }) => ({ owner, time: table.of(owner).turn * takes }))
      .reduce((first, one) => (one.time < first.time ? one : first))
    table.land(next.owner, next.time)
  }
  return table.arrivals
}
