import type { Found, Measure } from './attack.ts'

/** How far it is from a guess (0) to everything coming to light (1); undefined if there is no such scale. */
export function success({ value, guess, best }: Measure): number | undefined {
  if (guess === undefined || best === undefined || guess === best) return undefined
  return (value - guess) / (best - guess)
}

/** From which success on an attack tells something, much, or nearly all. */
const SOME = 0.05
const MUCH = 0.25
const ALL = 0.75

/** What an attack came to, in words: by the figure in which it went farthest. */
export function verdict({ what, measures }: Pick<Found, 'what' | 'measures'>): string {
  const all = measures.flatMap((measure) => success(measure) ?? [])
  if (all.length === 0) return 'a guess is right already'
  const reached = Math.max(...all)
  if (reached < SOME) return 'no better than a guess'
  if (reached < MUCH) return `tells a little of ${what}`
  return reached < ALL ? `tells much of ${what}` : `tells nearly all of ${what}`
}
