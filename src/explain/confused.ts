/** Two classes that the unified model takes for each other. */
export interface ConfusedPair {
  readonly classes: readonly [number, number]
  /** Images of either that were taken for the other. */
  readonly errors: number
  /** Owners that hold images of the one, and those that hold images of the other, in training. */
  readonly owners: readonly [readonly number[], readonly number[]]
  /** Whether no owner holds both, so that none can learn what tells them apart. */
  readonly apart: boolean
}

export interface Confused {
  /** Those with errors, most first. */
  readonly pairs: readonly ConfusedPair[]
  readonly errors: number
  /** Errors between classes that no owner holds together. */
  readonly apart: number
  /** Pairs of classes in all, and those that no owner holds together. */
  readonly pairsInAll: number
  readonly pairsApart: number
}

/**
 * @param confusion [true][predicted], row-major
 * @param shards each owner's training images by class
 */
export function confused(
  confusion: Uint32Array,
  shards: readonly { readonly owner: number; readonly train_labels: readonly number[] }[],
): Confused {
  const classes = Math.sqrt(confusion.length)
  const holders = Array.from({ length: classes }, (_, c) =>
    shards.flatMap(({ owner, train_labels }) => ((train_labels[c] ?? 0) > 0 ? [owner] : [])),
  )
  const all: ConfusedPair[] = []
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      const errors = confusion[a * classes + b]! + confusion[b * classes + a]!
      const apart = !holders[a]!.some((owner) => holders[b]!.includes(owner))
      all.push({ classes: [a, b], errors, owners: [holders[a]!, holders[b]!], apart })
    }
  }
  const pairs = all.filter(({ errors }) => errors > 0).sort((one, other) => other.errors - one.errors)
  const count = (of: readonly ConfusedPair[]) => of.reduce((sum, { errors }) => sum + errors, 0)
  const apart = all.filter((pair) => pair.apart)
  return { pairs, errors: count(all), apart: count(apart), pairsInAll: all.length, pairsApart: apart.length }
}
