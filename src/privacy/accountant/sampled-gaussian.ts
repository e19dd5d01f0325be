import gammaln from '@stdlib/math-base-special-gammaln'
import { logErfc } from './normal.ts'
import type { Divergence } from './renyi.ts'

/** How exact a sum of at least 1 is to be. */
const NEGLIGIBLE = 1e-13

/**
 * The Rényi divergence of one step of the Gaussian mechanism on a Poisson sample, where each record (or owner) is in it
 * with the same probability, of its own: ln A / (α - 1) (Mironov, Talwar, Zhang 2019, arXiv:1908.10530, section 3.3).
 * Neighbouring data differ in one that is added or removed.
 * @param noise standard deviation in units of the sensitivity
 * @param rate the probability q
 */
export const sampledGaussian =
  (noise: number, rate: number): Divergence =>
  (order) => {
    if (rate === 0) return 0
    if (noise === 0) return Number.POSITIVE_INFINITY
    if (rate === 1) return order / (2 * noise ** 2)
    const logA = Number.isInteger(order) ? atInteger : atFraction
    return logA(noise, rate, order) / (order - 1)
  }

/**
 * A = Σ C(α, k) (1 - q)^(α - k) q^k e^((k² - k) / 2σ²) (section 3.3, integer α). As the same sum without the exponential
 * is 1, A - 1 is that with e^(…) - 1, which is 0 for k below 2: a small divergence keeps its digits.
 */
function atInteger(noise: number, rate: number, order: number): number {
  let log = Number.NEGATIVE_INFINITY
  for (let k = 2; k <= order; k++) {
    const gain = logExpm1((k * k - k) / (2 * noise ** 2))
    log = logAdd(log, logBinomial(order, k) + k * Math.log(rate) + (order - k) * Math.log1p(-rate) + gain)
  }
  return log > 30 ? log + Math.log1p(Math.exp(-log)) : Math.log1p(Math.exp(log))
}

/**
 * The two series of section 3.3, for any α above 1, each split where the two densities are equal. Beyond α their signs
 * alternate and the terms become slowly less: what is left out is between half of the next term and half of the one
 * before it (Calabrese 1962, American Mathematical Monthly 69(3)). The larger is taken, which makes it an upper bound.
 */
function atFraction(noise: number, rate: number, order: number): number {
  const equal = noise ** 2 * Math.log(1 / rate - 1) + 1 / 2
  const width = Math.SQRT2 * noise
  let log = Number.NEGATIVE_INFINITY
  let before = log
  for (let i = 0; ; i++) {
    const j = order - i
    const left = i * Math.log(rate) + j * Math.log1p(-rate) + (i * i - i) / (2 * noise ** 2)
    const right = j * Math.log(rate) + i * Math.log1p(-rate) + (j * j - j) / (2 * noise ** 2)
    const both = logAdd(left + logErfc((i - equal) / width), right + logErfc((equal - j) / width))
    const term = logBinomial(order, i) + both - Math.LN2
    const positive = isPositive(order, i)
    if (i > order + 1 && Math.exp(before) - Math.exp(term) < NEGLIGIBLE) {
      return positive ? logAdd(log, before - Math.LN2) : logSubtract(log, term - Math.LN2)
    }
    log = positive ? logAdd(log, term) : logSubtract(log, term)
    before = term
  }
}

/** ln |C(α, k)|. */
const logBinomial = (order: number, k: number): number => gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)

/** Whether C(α, k) is above 0, of an α that is no integer: it has a factor below 0 for each whole step of k beyond α. */
const isPositive = (order: number, k: number): boolean => k < order || (k - Math.ceil(order)) % 2 === 0

/** ln(e^x + e^y). */
function logAdd(x: number, y: number): number {
  const [less, more] = x < y ? [x, y] : [y, x]
  return less === Number.NEGATIVE_INFINITY ? more : more + Math.log1p(Math.exp(less - more))
}

/** ln(e^x - e^y), x above y. */
const logSubtract = (x: number, y: number): number => x + Math.log1p(-Math.exp(y - x))

/** ln(e^x - 1). */
const logExpm1 = (x: number): number => (x > 30 ? x : Math.log(Math.expm1(x)))
