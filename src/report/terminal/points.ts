import { type Difference, isWithinNoise } from '../../stats.ts'

/** Percentage points as a difference: +4.51, -0.30, 0.00; a dash if there is none. */
export function signedPoints(delta: number | undefined): string {
  if (delta === undefined) return '-'
  const text = delta.toFixed(2)
  return Number(text) === 0 ? '0.00' : delta > 0 ? `+${text}` : text
}

/** A difference with its interval: +0.35 [-0.17, +0.87] noise. */
export function intervalText(difference: Difference): string {
  const { mean, low, high } = difference
  const noise = isWithinNoise(difference) ? ' noise' : ''
  return `${signedPoints(mean)} [${signedPoints(low)}, ${signedPoints(high)}]${noise}`
}

/** A difference as cells of a CSV: points, the ends of its interval, pairs, and whether it is noise. */
export function differenceCells(difference: Difference | undefined): (string | number)[] {
  if (!difference) return ['', '', '', '', '']
  const { mean, low, high, pairs } = difference
  return [mean, low, high, pairs ?? '', String(isWithinNoise(difference))]
}

/** The same as JSON. */
export function plainDifference(difference: Difference) {
  const { mean, low, high, pairs } = difference
  return { points: mean, low, high, pairs: pairs ?? null, within_noise: isWithinNoise(difference) }
}
