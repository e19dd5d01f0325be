import { normal, type Random } from '../../random.ts'

/**
 * The logarithm of a draw from the gamma distribution with the given shape (> 0) and scale 1: G. Marsaglia and
 * W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000; a shape below 1 by their
 * boost, G(shape) = G(shape + 1) U^(1 / shape). In logarithms, because that power underflows for a small shape.
 */
export function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(positive(random)) / shape
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(positive(random)) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return Math.log(d) + Math.log(v)
  }
}

/** A draw from the symmetric Dirichlet distribution: `parts` proportions >= 0 that add up to 1. */
export function dirichletDraw(parts: number, alpha: number, random: Random): number[] {
  const logs = Array.from({ length: parts }, () => logGamma(alpha, random))
  const largest = logs.reduce((most, log) => Math.max(most, log), -Infinity)
  if (largest === -Infinity) {
    // Even the logarithms overflow: the limit alpha → 0 puts everything on one part, each as likely.
    const chosen = random.below(parts)
    return logs.map((_, i) => (i === chosen ? 1 : 0))
  }
  const weights = logs.map((log) => Math.exp(log - largest))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/** Uniform in (0, 1]: its logarithm is finite. */
function positive(random: Random): number {
  return 1 - random.uniform()
}
