import { dirichlet } from './dirichlet.ts'
import { H } from './h.ts'
import { labels } from './labels.ts'
import type { Partition } from './types.ts'
import { V } from './v.ts'

/** Every partition, by its name in experiments. A new one is a file here and a line below. */
export const PARTITIONS = { V, H, labels, dirichlet } satisfies Record<string, Partition>

export type PartitionName = keyof typeof PARTITIONS

export const PARTITION_NAMES = Object.keys(PARTITIONS) as PartitionName[]
