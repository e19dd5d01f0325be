import type { Found, Measure } from './attack.ts'

/** From which success on an attack tells something, much, or nearly all. */
const SOME = 0.05
const MUCH = 0.25
const ALL = 0.75

/**
 * How far it is for certain from a guess (0) to everything coming to light (1): of a figure with an interval, its lower
 * end counts. Undefined if there is no such scale.
 */
function success({ value, low = value, guess, best }: Measure): number | undefined {
  if (guess === undefined || best === undefined || guess === best) return undefined
  return (low - guess) / (best - guess)
}

/** The figure in which an attack went farthest; undefined if none has such a scale. */
export function farthest({ measures }: Pick<Found, 'measures'>): number | undefined {
  const all = measures.flatMap((measure) => success(measure) ?? [])
  return all.length === 0 ? undefined : Math.max(...all)
}

/** What an attack came to, in words. */
export function verdict(found: Pick<Found, 'what' | 'measures'>): string {
  const reached = farthest(found)
  if (reached === undefined) return 'a guess is right already'
  if (reached < SOME) return 'no better than a guess'
  if (reached < MUCH) return `tells a little of ${found.what}`
  return reached < ALL ? `tells much of ${found.what}` : `tells nearly all of ${found.what}`
}
