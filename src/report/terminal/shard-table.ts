import type { Dataset, Shard } from '../../data/dataset.ts'
import { labelHistogram } from '../../data/partition/partition.ts'
import { thousands } from '../../format.ts'
import { columns } from './columns.ts'

const MAX_OWNERS = 12

/** Who holds what: images of each owner, train and test, and how many of each label. */
export function shardTable(dataset: Dataset, shards: readonly Shard[], width?: number): string {
  const labels = Array.from({ length: dataset.classes }, (_, label) => String(label))
  const rows = shards.slice(0, MAX_OWNERS).map(({ owner, train, test }) => {
    const inTest = labelHistogram(dataset, test)
    const counts = labelHistogram(dataset, train).map((count, label) => String(count + inTest[label]!))
    return [`owner ${owner}`, thousands(train.length), thousands(test.length), ...counts]
  })
  const table = columns(['', 'train', 'test', ...labels], rows, width)
  const more = shards.length - MAX_OWNERS
  return more > 0 ? `${table}\n… and ${more} more owners` : table
}
