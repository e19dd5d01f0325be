import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { FedunifyError } from '../../errors.ts'
import { nameOf } from '../../parts.ts'
import { range, shuffle, stream } from '../../random.ts'
import type { Dataset, Shard } from '../dataset.ts'
import { type PartitionChoice, partitionOf } from './registry.ts'

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
 * @throws the signal's reason if it was aborted
 */
export async function partitionDataset(
  { labels, count, classes }: Pick<Dataset, 'labels' | 'count' | 'classes'>,
  { env, seed, owners, images }: PartitionRequest,
  signal?: AbortSignal,
): Promise<Shard[]> {
  const indices = images === undefined ? range(count) : drawSubset(count, images, seed)
  const partition = partitionOf(env)
  const split = { seed, owners, classes, indices }
  const shards = partition.split ? partition.split(labels, split) : await lastOf(partition.steps(labels, split), signal)
  assertComplete(nameOf(env), shards, indices, count)
  return shards
}

/** What comes of all steps. @throws the signal's reason if it was aborted between two of them */
async function lastOf<T>(steps: Generator<undefined, T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await setImmediate()
    signal?.throwIfAborted()
  }
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
