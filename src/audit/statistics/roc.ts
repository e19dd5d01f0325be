import { type Bounds, clopperPearson } from './clopper-pearson.ts'

/** How much an attack takes each image for one that was trained on: the more, the larger. */
export interface Scores {
  /** Of images that the model was trained on. */
  readonly members: Float64Array
  /** Of images that it was not. */
  readonly others: Float64Array
}

/**
 * The area under the curve of true against false positives: the chance that a member has a larger score than another
 * image, where equal ones count half (Mann and Whitney 1947).
 */
export function auc({ members, others }: Scores): number {
  const sorted = others.toSorted()
  let sum = 0
  for (const score of members) sum += (countBelow(sorted, score) + countUpTo(sorted, score)) / 2
  return sum / (members.length * others.length)
}

/** The standard deviation of that area if scores tell nothing (Mann and Whitney 1947). */
export const aucDeviation = ({ members: { length: m }, others: { length: n } }: Scores): number =>
  Math.sqrt((m + n + 1) / (12 * m * n))

/** A share of true positives, with its exact 95 % interval. */
export interface TruePositives extends Bounds {
  readonly share: number
}

/** The share of members that are told at the threshold which takes at most that share of the others for members. */
export function truePositives({ members, others }: Scores, falsePositives: number): TruePositives {
  const allowed = Math.floor(falsePositives * others.length)
  const threshold = others.toSorted()[others.length - 1 - allowed]!
  const hits = countAbove(members, threshold)
  return { share: hits / members.length, ...clopperPearson(hits, members.length) }
}

/** How many scores are larger. */
export function countAbove(scores: Float64Array, threshold: number): number {
  let count = 0
  for (const score of scores) if (score > threshold) count += 1
  return count
}

const countBelow = (sorted: Float64Array, value: number) => place(sorted, (one) => one < value)
const countUpTo = (sorted: Float64Array, value: number) => place(sorted, (one) => one <= value)

/** How many of the first ones are so; the others are not. */
function place(sorted: Float64Array, so: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (so(sorted[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}
