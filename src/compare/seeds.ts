import { type Difference, differenceBySeed, isWithinNoise } from '../stats.ts'
import { type ComparedRound, type Figure, SENT_BACK, type Side } from './side.ts'
import { letter } from './unlike.ts'

/** How far a figure is from another, in percentage points, with its interval over seeds. */
export const pointsBetween = (of: Figure, from: Figure): Difference | undefined =>
  differenceBySeed(of.bySeed, from.bySeed, 100)

/** Which side is best, by the accuracy of what is sent back, and which may as well be as good. By their places. */
export interface Ranking {
  readonly at: ComparedRound
  readonly best: number
  readonly accuracy: number
  /** From the best on: those whose interval contains 0, those whose does not, and those that have none. */
  readonly withinNoise: readonly number[]
  readonly behind: readonly number[]
  readonly unknown: readonly number[]
}

/** Undefined for fewer than three sides of runs: then the difference itself is in the table. */
export function rankSides(sides: readonly Side[], at: ComparedRound): Ranking | undefined {
  const ranked = sides
    .flatMap((side, i) => {
      const figure = side.driver === undefined ? undefined : side.figure(SENT_BACK, at)
      return figure ? [{ i, figure }] : []
    })
    .toSorted((a, b) => b.figure.mean - a.figure.mean)
  const [best, ...others] = ranked
  if (!best || others.length < 2) return undefined
  const judged = others.map(({ i, figure }) => ({ i, difference: pointsBetween(figure, best.figure) }))
  const those = (which: (difference: Difference | undefined) => boolean) =>
    judged.filter(({ difference }) => which(difference)).map(({ i }) => i)
  return {
    at,
    best: best.i,
    accuracy: best.figure.mean,
    withinNoise: those((one) => one !== undefined && isWithinNoise(one)),
    behind: those((one) => one !== undefined && !isWithinNoise(one)),
    unknown: those((one) => one === undefined),
  }
}

/** What intervals are made of, and why some differences have none. */
export function seedNotes([first, ...others]: readonly Side[]): string[] {
  const reasons = new Map<string, string[]>()
  for (const [i, side] of others.entries()) {
    const reason = first && seedNote(first, side, letter(i + 1))
    if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), `${letter(i + 1)} - ${letter(0)}`])
  }
  return [...reasons].map(([reason, differences]) => `${differences.join(', ')}: ${reason}`)
}

function seedNote(first: Side, side: Side, name: string): string | undefined {
  if (first.seeds.length === 0 || side.seeds.length === 0) return 'no interval, the paper tells no seeds'
  const common = side.seeds.filter((seed) => first.seeds.includes(seed)).length
  if (common >= 2) {
    const fewer = common < Math.max(first.seeds.length, side.seeds.length)
    return fewer ? `the interval is of the ${common} seeds that both have` : undefined
  }
  const single = [...(first.seeds.length < 2 ? [letter(0)] : []), ...(side.seeds.length < 2 ? [name] : [])]
  if (single.length > 0) return `no interval, ${single.join(' and ')} ${single.length > 1 ? 'have' : 'has'} one seed`
  return `${common === 0 ? 'no seed' : 'one seed'} in common, so the interval is of two separate means (Welch)`
}
