/** When an owner's model arrives, in virtual time. */
export interface Arriving {
  readonly owner: number
  /** In units of the speeds, from the start of the run. */
  readonly time: number
  /** Which of this owner's trainings it is, from 1. */
  readonly turn: number
  /** The version that the owner trained from; 0 is the initial model. */
  readonly from: number
  /** The version that is made of it. */
  readonly at: number
}

/**
 * The arrivals of all versions of a run, in their order. Owner k needs speeds[k] units of time for a training, and begins
 * anew as soon as it is done. Of those that arrive at the same time, the owner with the lower number comes first. The one
 * that fills the buffer begins from the new version, the others from the one before.
 * @param speeds by the place of the owner; the last one is that of all that follow
 * @param buffer arrivals that make a version
 */
export function arrivalsOf(
  owners: readonly number[],
  speeds: readonly number[],
  buffer: number,
  versions: number,
): Arriving[] {
  const all = owners.map((owner, i) => ({ owner, turn: 1, from: 0, takes: speeds[Math.min(i, speeds.length - 1)]! }))
  const arrivals: Arriving[] = []
  for (let at = 1; at <= versions; at++) {
    for (let place = 1; place <= buffer; place++) {
      // Multiplied, not added up: equal times stay equal.
      const next = all.reduce((first, one) => (one.turn * one.takes < first.turn * first.takes ? one : first))
      const { owner, turn, from, takes } = next
      arrivals.push({ owner, time: turn * takes, turn, from, at })
      next.turn += 1
      next.from = place === buffer ? at : at - 1
    }
  }
  return arrivals
}
