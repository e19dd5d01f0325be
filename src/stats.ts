/** The largest of many numbers: as arguments of Math.max they would overflow the stack. */
export const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** Mean and standard deviation of a sample. */
export interface Estimate {
  readonly mean: number
  /** With n - 1 in the denominator; NaN for a single value. */
  readonly sd: number
}

export function estimate(values: readonly number[]): Estimate {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return { mean: middle, sd: values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1)) }
}

/** The value below which a part `q` of the sorted values lies, interpolated. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = q * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
}

/** The smallest, the middle and the largest of values in any order. */
export function extremes(values: readonly number[]): { min: number; median: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)! }
}

/**
 * The value below which a part `p` of Student's t distribution lies.
 * Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4, solved for the angle by bisection.
 * @param p between 0.5 and 1
 * @param df degrees of freedom, a whole number of at least 1
 */
export function studentQuantile(p: number, df: number): number {
  let [low, high] = [0, Math.PI / 2]
  for (let step = 0; step < 80; step++) {
    const angle = (low + high) / 2
    if (withinAngle(angle, df) < 2 * p - 1) low = angle
    else high = angle
  }
  return Math.sqrt(df) * Math.tan(low)
}

/** The probability that |t| is at most sqrt(df) tan(angle). */
function withinAngle(angle: number, df: number): number {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)]
  const odd = df % 2 === 1
  let term = odd ? cos : 1
  let sum = df === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k <= df - 2; k += 2) {
    term *= (cos * cos * (k - 1)) / k
    sum += term
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum
}

/** How far one mean is from another, and how well that is known. */
export interface Difference {
  readonly mean: number
  /** The ends of its 95 % interval. */
  readonly low: number
  readonly high: number
  /** How many pairs it is the mean of; undefined if nothing is paired. */
  readonly pairs: number | undefined
}

/** Whether a difference may as well be none: its interval contains 0. */
export const isWithinNoise = ({ low, high }: Difference): boolean => low <= 0 && high >= 0

/**
 * The difference `of` - `from` of values by seed. What has two seeds or more in common is paired: the mean of the
 * differences of those seeds, d̄ ± t(0.975, n - 1) s/√n. Otherwise it is Welch's of two samples; undefined if one has less
 * than two values.
 * Source: NIST/SEMATECH e-Handbook, 7.3.1.1 (paired) and 7.3.1 (Welch).
 * @param unit that of the difference: of fractions, 100 gives percentage points
 */
export function differenceBySeed(
  of: ReadonlyMap<number, number>,
  from: ReadonlyMap<number, number>,
  unit = 1,
): Difference | undefined {
  const paired = [...of].flatMap(([seed, value]) => (from.has(seed) ? [unit * (value - from.get(seed)!)] : []))
  if (paired.length >= 2) {
    const { mean: middle, sd } = estimate(paired)
    return interval(middle, sd / Math.sqrt(paired.length), paired.length - 1, paired.length)
  }
  if (of.size < 2 || from.size < 2) return undefined
  const [a, b] = [of, from].map((values) => estimate([...values.values()].map((value) => unit * value))) as [
    Estimate,
    Estimate,
  ]
  const [va, vb] = [a.sd ** 2 / of.size, b.sd ** 2 / from.size]
  // Welch-Satterthwaite, rounded down: the interval is a little wider.
  const df = (va + vb) ** 2 / (va ** 2 / (of.size - 1) + vb ** 2 / (from.size - 1))
  return interval(a.mean - b.mean, Math.sqrt(va + vb), Math.max(1, Math.floor(df)), undefined)
}

function interval(middle: number, error: number, df: number, pairs: number | undefined): Difference {
  const half = error === 0 ? 0 : studentQuantile(0.975, df) * error
  return { mean: middle, low: middle - half, high: middle + half, pairs }
}
