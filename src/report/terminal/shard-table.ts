import type { Dataset, Shard } from '../../data/dataset.ts'
import { labelHistogram } from '../../data/partition/partition.ts'
import { thousands } from '../../format.ts'
import { columns } from './columns.ts'

const MAX_OWNERS = 12

/** How much an owner has: images, and images of each class; what it keeps to itself is null, or no class. */
export interface Share {
  readonly owner: number
  readonly train: number
  readonly test: number | null
  readonly labels: readonly number[]
}

/** Who holds what: images of each owner, train and test, and how many of each label. */
export function shardTable(dataset: Dataset, shards: readonly Shard[], width?: number): string {
  const shares = shards.map(({ owner, train, test }): Share => {
    const inTest = labelHistogram(dataset, test)
    const labels = labelHistogram(dataset, train).map((count, label) => count + inTest[label]!)
    return { owner, train: train.length, test: test.length, labels }
  })
  return shareTable(shares, dataset.classes, width)
}

/** The same from what is known of the shards. @param width of a line; the classes are in several parts if they need it */
export function shareTable(shares: readonly Share[], classes: number, width?: number): string {
  const shown = shares.slice(0, MAX_OWNERS)
  const titles = Array.from({ length: classes }, (_, label) => String(label))
  const rows = shown.map(({ owner, train, test, labels }) => {
    const counts = titles.map((_, label) => (labels[label] === undefined ? '-' : String(labels[label])))
    return [`owner ${owner}`, thousands(train), test === null ? '-' : thousands(test), ...counts]
  })
  const table = columns(['', 'train', 'test', ...titles], rows, width)
  const more = shares.length - shown.length
  return more > 0 ? `${table}\n… and ${more} more owners` : table
}
