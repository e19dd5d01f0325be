/** Grey values of an image from 0 to 1. */
export type Grey = Float64Array

/** Mean absolute difference of two images, in whatever units they have. */
export function meanError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return sum / a.length
}

/** What is reported for images that are the same, in decibels. */
const MOST = 150

/** Peak signal-to-noise ratio of two images in decibels, at a peak of 1; at most 150. */
export function psnr(a: Grey, b: Grey): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.min(MOST, -10 * Math.log10(sum / a.length))
}

/** Of several images, the one nearest to another. */
export function nearestTo(
  image: Grey,
  candidates: readonly Grey[],
): { readonly candidate: Grey; readonly error: number } {
  const [first, ...others] = candidates
  let best = { candidate: first!, error: meanError(first!, image) }
  for (const candidate of others) {
    const error = meanError(candidate, image)
    if (error < best.error) best = { candidate, error }
  }
  return best
}
