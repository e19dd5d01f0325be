import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import { nameOf } from '../../parts.ts'
import { range, shuffle, stream } from '../../random.ts'
import type { Dataset, Shard } from '../dataset.ts'
import { type PartitionChoice, partitionOf } from './registry.ts'
import type { Partition, SplitRequest } from './types.ts'

export interface PartitionRequest {
  readonly env: PartitionChoice
  readonly seed: number
  readonly owners: number
  /** Use only so many images, drawn without replacement; all of them if undefined. */
  readonly images?: number | undefined
}

/**
 * Splits a dataset among owners: one shard each, in the order of owners 1, 2, …
 * @throws FedunifyError `usage` if the request does not fit the partition or the dataset
 */
export function partitionDataset(
  dataset: Pick<Dataset, 'labels' | 'count' | 'classes'>,
  request: PartitionRequest,
): Shard[] {
  const { partition, split } = begin(dataset, request)
  return complete(partition.split(dataset.labels, split), dataset, request, split)
}

/** The same, which a signal can end. @throws as partitionDataset does, or the signal's reason */
export async function partitionHeeding(
  dataset: Pick<Dataset, 'labels' | 'count' | 'classes'>,
  request: PartitionRequest,
  signal: AbortSignal | undefined,
): Promise<Shard[]> {
  const { partition, split } = begin(dataset, request)
  const steps = partition.steps?.(dataset.labels, split)
  if (!steps) return complete(partition.split(dataset.labels, split), dataset, request, split)
  for (;;) {
    const step = steps.next()
    if (step.done) return complete(step.value, dataset, request, split)
    await setImmediate()
    signal?.throwIfAborted()
  }
}

function begin(
  dataset: Pick<Dataset, 'count' | 'classes'>,
  { env, seed, owners, images }: PartitionRequest,
): { partition: Partition; split: SplitRequest } {
  const indices = images === undefined ? range(dataset.count) : drawSubset(dataset.count, images, seed)
  return { partition: partitionOf(env), split: { seed, owners, classes: dataset.classes, indices } }
}

function complete(
  shards: Shard[],
  { count }: Pick<Dataset, 'count'>,
  { env }: PartitionRequest,
  { indices }: SplitRequest,
): Shard[] {
  assertComplete(nameOf(env), shards, indices, count)
  return shards
}

/**
 * `images` of `count` indices, drawn without replacement, in ascending order.
 * @throws FedunifyError `usage` if there are not so many
 */
export function drawSubset(count: number, images: number, seed: number): Uint32Array {
  if (images > count) {
    throw new FedunifyError(
      'E_PARTITION',
      `images is ${images}, but the dataset has ${count}`,
      'use fewer, or leave it out',
    )
  }
  return shuffle(range(count), stream(seed, 'subset')).slice(0, images).sort()
}

/** How many of these images have each label: `classes` counts. */
export function labelHistogram(dataset: Pick<Dataset, 'labels' | 'classes'>, indices: Uint32Array): number[] {
  const counts = new Array<number>(dataset.classes).fill(0)
  for (const index of indices) counts[dataset.labels[index]!]!++
  return counts
}

/** SHA-256 (hex) of a shard: the number of train images, their indices in order, the test indices, as u32 LE. */
export function shardHash(shard: Shard): string {
  const words = [shard.train.length, ...shard.train, ...shard.test]
  const bytes = Buffer.alloc(4 * words.length)
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, 4 * i)
  return createHash('sha256').update(bytes).digest('hex')
}

/** A lost or a doubled image would bend every accuracy that follows, and nothing else would show it. */
function assertComplete(name: string, shards: readonly Shard[], indices: Uint32Array, count: number): void {
  const uses = new Uint8Array(count)
  const seen = shards.flatMap(({ train, test }) => [train, test])
  for (const part of seen) for (const index of part) uses[index]!++
  const total = seen.reduce((sum, part) => sum + part.length, 0)
  const exact = total === indices.length && indices.every((index) => uses[index] === 1)
  if (exact && seen.every((part) => part.length > 0)) return
  throw new FedunifyError(
    'E_PARTITION_FAULT',
    `partition ${name} lost or doubled images`,
    'this is a bug of fedunify: report it',
  )
}
