/** The ends of an interval of a probability. */
export interface Bounds {
  readonly low: number
  readonly high: number
}

/**
 * The exact interval of a probability of which `hits` of `trials` are known.
 * Source: Clopper and Pearson 1934, Biometrika 26, 404: the probabilities at which so many hits or more, and so many or
 * fewer, have a chance of (1 - confidence) / 2.
 */
export function clopperPearson(hits: number, trials: number, confidence = 0.95): Bounds {
  const tail = (1 - confidence) / 2
  const ways = logWays(trials)
  return {
    low: hits === 0 ? 0 : solve((p) => chance(ways, hits, trials, p) > tail),
    high: hits === trials ? 1 : solve((p) => chance(ways, 0, hits, p) < tail),
  }
}

/** Where `above` becomes true, in [0, 1]. */
function solve(above: (p: number) => boolean): number {
  let [low, high] = [0, 1]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (above(middle)) high = middle
    else low = middle
  }
  return (low + high) / 2
}

/** The chance of `from` to `to` hits, each with probability p. */
function chance(ways: Float64Array, from: number, to: number, p: number): number {
  const trials = ways.length - 1
  const [hit, miss] = [Math.log(p), Math.log1p(-p)]
  let sum = 0
  for (let k = from; k <= to; k++) sum += Math.exp(ways[k]! + k * hit + (trials - k) * miss)
  return sum
}

/** ln of n over k, for k from 0 to n. */
function logWays(n: number): Float64Array {
  const ways = new Float64Array(n + 1)
  for (let k = 1; k <= n; k++) ways[k] = ways[k - 1]! + Math.log((n - k + 1) / k)
  return ways
}
