import erfc from '@stdlib/math-base-special-erfc'

/** From here on the continued fraction has all digits after DEPTH terms. */
const FAR = 5
const DEPTH = 60

/** e^(x²) erfc(x): what is left of a tail of the normal distribution once its density is taken out. */
function scaledErfc(x: number): number {
  if (x < FAR) return Math.exp(x * x) * erfc(x)
  // Abramowitz and Stegun 7.1.14, from the innermost term out.
  let inner = x
  for (let k = DEPTH; k >= 1; k--) inner = x + k / 2 / inner
  return 1 / (Math.sqrt(Math.PI) * inner)
}

/** ln erfc(x), also where erfc(x) is too small for a number. */
export const logErfc = (x: number): number => (x < FAR ? Math.log(erfc(x)) : Math.log(scaledErfc(x)) - x * x)

/** Φ(x), with all digits in the lower tail. */
export const cumulative = (x: number): number => erfc(-x / Math.SQRT2) / 2

/** φ(x). */
export const density = (x: number): number => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI)

/** The Mills ratio (1 - Φ(x)) / φ(x). */
export const millsRatio = (x: number): number => Math.sqrt(Math.PI / 2) * scaledErfc(x / Math.SQRT2)
