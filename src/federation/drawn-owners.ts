import { stream } from '../random.ts'

/** How many owners train in a round: a share of all of them, or so many. One of the two is given. */
export interface Participation {
  readonly fraction?: number | undefined
  readonly count?: number | undefined
}

/** What decides who trains in which round. */
export interface Drawing {
  readonly seed: number
  /** Undefined: all owners train in each round. */
  readonly participants?: Participation | undefined
}

/**
 * How many of the owners train in each round. Of a fraction it is max(C · K, 1) (McMahan et al. 2017, arXiv:1602.05629,
 * algorithm 1), C · K rounded to the nearest whole number.
 */
export const drawnCount = ({ fraction = 1, count }: Participation, owners: number): number =>
  count ?? Math.max(Math.round(fraction * owners), 1)

/** How many owners train in each round of an experiment. */
export const trainingOwners = ({
  owners,
  participants,
}: {
  readonly owners: number
  readonly participants?: Participation | undefined
}): number => (participants ? drawnCount(participants, owners) : owners)

/**
 * The owners that train in a round, in their order: every set of so many is as likely as any other, and follows from
 * the seed and the round alone. All of them if nothing is drawn.
 *
 * Floyd's way, which touches no more owners than are drawn (Bentley and Floyd 1987, CACM 30(9), algorithm F2).
 */
export function drawnOwners({ seed, participants }: Drawing, owners: readonly number[], round: number): number[] {
  if (!participants) return [...owners]
  const random = stream(seed, 'participants', round)
  const places = new Set<number>()
  for (let last = owners.length - drawnCount(participants, owners.length); last < owners.length; last++) {
    const place = random.below(last + 1)
    places.add(places.has(place) ? last : place)
  }
  return [...places].sort((a, b) => a - b).map((place) => owners[place]!)
}
