import type { TrainingSetup } from '../engine.ts'
import { addImages, type HeadStatistics, noStatistics } from '../head-statistics.ts'
import { chunks } from './chunks.ts'
import { gather } from './gather.ts'

/** Images of a batch: more of them make larger products, whose features no longer fit the cache. */
const BATCH = 250

/** Features float32 [images, features] of images uint8 [images, pixels]. */
export type Features = (images: Uint8Array, count: number) => Promise<Float32Array>

/** Adds images to sums. A faster way than `addImages` differs from it in rounding alone. */
export type AddImages = (
  to: HeadStatistics,
  features: Float32Array,
  labels: Int32Array,
) => HeadStatistics | Promise<HeadStatistics>

/**
 * Sums over the images at `indices` of their features.
 * @param size of the features of an image
 */
export async function summariseWith(
  features: Features,
  size: number,
  { dataset }: TrainingSetup,
  indices: Uint32Array,
  add: AddImages = addImages,
): Promise<HeadStatistics> {
  let sums = noStatistics(size, dataset.classes)
  for (const chunk of chunks(indices, BATCH, BATCH)) {
    const { images, labels } = gather(dataset, chunk.indices)
    sums = await add(sums, await features(images, labels.length), labels)
  }
  return sums
}
