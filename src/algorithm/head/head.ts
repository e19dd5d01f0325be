import { z } from 'zod'
import type { HeadStatistics } from '../../engine/head-statistics.ts'
import type { Part } from '../../parts.ts'

/** The last layer of a model: logits are weight · features + bias. */
export interface HeadWeights {
  /** [classes, features], row-major. */
  readonly weight: Float32Array
  /** [classes]. */
  readonly bias: Float32Array
}

/** A last layer that is computed and not trained. */
export interface Head {
  /** Random features beside the model's own. */
  readonly random: number
  /**
   * @param sums over all owners' training images
   * @throws the signal's reason if it was aborted
   */
  fit(sums: HeadStatistics, signal?: AbortSignal): Promise<HeadWeights>
}

/** `make` gives undefined if the model keeps the head that it was trained with. */
export type HeadPart<O extends object = object> = Part<O, Head | undefined>

/** Options that every head has. */
export const headOptions = {
  lambda: z
    .number()
    .gt(0)
    .default(0.01)
    .describe('penalty on the weights, each feature being scaled to a mean square of 1'),
  random: z
    .int()
    .min(0)
    .max(16_384)
    .default(0)
    .describe("random features beside the model's own: ReLU of random sums of the last map before the dense layers"),
}

/** Of a solution [size, classes] whose last row belongs to the 1 behind the features. */
export function headOf(x: Float64Array, { size, classes }: Pick<HeadStatistics, 'size' | 'classes'>): HeadWeights {
  const features = size - 1
  const weight = Float32Array.from({ length: classes * features }, (_, i) => {
    return x[(i % features) * classes + Math.floor(i / features)]!
  })
  return { weight, bias: Float32Array.from(x.subarray(features * classes)) }
}
