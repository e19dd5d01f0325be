import type { Dataset } from '../../data/dataset.ts'
import { sizeOf } from '../../model/model.ts'

/**
 * Copies the images and labels at `indices` out of the shared dataset: uint8 [n, pixels] and int32 [n].
 * The runtimes refuse shared buffers, and a chunk at a time is all that an engine then holds of a shard.
 * @param relabel what stands for each label, if not itself
 */
export function gather(
  dataset: Dataset,
  indices: Uint32Array,
  relabel?: Uint8Array,
): { images: Uint8Array; labels: Int32Array } {
  const pixels = sizeOf(dataset.shape)
  const images = new Uint8Array(indices.length * pixels)
  const labels = new Int32Array(indices.length)
  for (const [i, index] of indices.entries()) {
    images.set(dataset.images.subarray(index * pixels, (index + 1) * pixels), i * pixels)
    const label = dataset.labels[index]!
    labels[i] = relabel ? relabel[label]! : label
  }
  return { images, labels }
}
