import { FedunifyError } from '../../errors.ts'
import { type Random, shuffle, stream } from '../../random.ts'
import type { Shard } from '../dataset.ts'
import type { SplitRequest } from './types.ts'

/** How many of `count` shuffled images are for testing: one in seven (the paper's 10,000 of 70,000), at least one. */
export function testCount(count: number): number {
  return Math.max(1, Math.round(count / 7))
}

/** One owner's shard: the images shuffled, six sevenths to train, one seventh to test. Needs two images or more. */
export function shardOf(owner: number, images: Uint32Array, random: Random): Shard {
  const shuffled = shuffle(images.slice(), random)
  const train = shuffled.length - testCount(shuffled.length)
  return { owner, train: shuffled.slice(0, train), test: shuffled.slice(train) }
}

/** The part that comes as number `part` when `items` are cut into `parts` parts whose sizes differ by one at most. */
export function cut(items: Uint32Array, part: number, parts: number): Uint32Array {
  const at = (i: number) => Math.floor((i * items.length) / parts)
  return items.slice(at(part), at(part + 1))
}

/**
 * One shard per list of labels; owner i gets every image with a label in `lists[i - 1]`.
 * @throws FedunifyError `usage` if a list has fewer than two images
 */
export function shardsByLabel(
  name: string,
  labels: Uint8Array,
  lists: readonly (readonly number[])[],
  { seed, indices }: SplitRequest,
): Shard[] {
  return lists.map((list, i) => {
    const owned = new Set(list)
    const images = indices.filter((index) => owned.has(labels[index]!))
    if (images.length < 2) {
      throw new FedunifyError(
        'E_PARTITION',
        `partition ${name}: owner ${i + 1} (labels ${list.join(', ')}) ` +
          `has ${images.length} of ${indices.length} images, needs at least 2`,
        'every owner needs an image to train on and one to test on: use more images, or other labels',
      )
    }
    return shardOf(i + 1, images, stream(seed, 'partition', i + 1))
  })
}

export function tooManyOwners(name: string, owners: number, images: number, why: string): FedunifyError {
  return new FedunifyError(
    'E_PARTITION',
    `partition ${name}: ${owners} owners are too many for ${images} images: ${why}`,
    'every owner needs an image to train on and one to test on: use fewer owners, or more images',
  )
}
