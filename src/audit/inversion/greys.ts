import { sizeOf } from '../../model/model.ts'
import type { PreparedRun } from '../../run/prepare.ts'
import type { Grey } from './likeness.ts'

/** Images of a dataset as grey values from 0 to 1. */
export interface Greys {
  image(index: number): Grey
  /** What a model's inputs are as an image. */
  of(inputs: ArrayLike<number>): Grey
  /** The mean of images. */
  mean(indices: readonly number[]): Grey
}

export function greysOf({ dataset, experiment }: Pick<PreparedRun, 'dataset' | 'experiment'>): Greys {
  const { mean, std } = experiment.normalise
  const size = sizeOf(dataset.shape)
  const bytes = (index: number) => dataset.images.subarray(index * size, (index + 1) * size)
  return {
    image: (index) => Float64Array.from(bytes(index), (value) => value / 255),
    of: (inputs) => Float64Array.from(inputs, (value) => Math.min(1, Math.max(0, value * std + mean))),
    mean(indices) {
      const sum = new Float64Array(size)
      for (const index of indices) for (const [i, value] of bytes(index).entries()) sum[i]! += value / 255
      return sum.map((value) => value / indices.length)
    },
  }
}

/** As bytes, from 0 to 255. */
export const pixelsOf = (image: Grey): Uint8Array => Uint8Array.from(image, (value) => Math.round(255 * value))
