import { type Choice, make } from '../../parts.ts'
import { dirichlet } from './dirichlet.ts'
import { H } from './h.ts'
import { labels } from './labels.ts'
import type { Partition, PartitionPart } from './types.ts'
import { V } from './v.ts'

/** Every partition, by its name in experiments. A new one is a file here and a line below. */
export const PARTITIONS = { V, H, labels, dirichlet } satisfies Record<string, PartitionPart>

export type PartitionChoice = Choice<typeof PARTITIONS>

/** The partition that an experiment chooses, with its options. */
export const partitionOf = (env: PartitionChoice): Partition => make(PARTITIONS, env)
