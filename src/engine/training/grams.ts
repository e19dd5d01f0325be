import { denseInputs } from '../../model/features.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor, Weights } from '../../weights/weights.ts'
import type { TrainingSetup } from '../engine.ts'
import { chunks } from './chunks.ts'
import { gather } from './gather.ts'
import type { Features } from './summarise.ts'

/** Images of a batch: enough that the sums are not read and written all the time. */
const BATCH = 500

/** Adds Σ x xᵀ over images, float32 [images, size], to a lower triangle, row by row. */
export type AddGram = (to: Float64Array, inputs: Float32Array, size: number) => void | Promise<void>

/** The plain way; a faster one differs from it in rounding alone. */
export const addGram: AddGram = (to, inputs, size) => {
  for (let from = 0; from < inputs.length; from += size) {
    const x = inputs.subarray(from, from + size)
    let at = 0
    for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) to[at++]! += x[i]! * x[j]!
  }
}

/**
 * The Gram matrix of every dense layer's inputs over the images at `indices` (see engine/statistics.ts).
 * @param open calls what it is given with the features that the layers before one of them make
 */
export async function gramsWith(
  { model, dataset }: TrainingSetup,
  indices: Uint32Array,
  open: (before: Model, gram: (features: Features, add?: AddGram) => Promise<Tensor>) => Promise<Tensor>,
): Promise<Weights> {
  const grams = new Map<string, Tensor>()
  for (const { weight, before } of denseInputs(model)) {
    const size = before.classes
    const gram = await open(before, async (features, add = addGram) => {
      const sums = new Float64Array((size * (size + 1)) / 2)
      for (const chunk of chunks(indices, BATCH, BATCH)) {
        const { images, labels } = gather(dataset, chunk.indices)
        await add(sums, await features(images, labels.length), size)
      }
      return { shape: [sums.length], data: Float32Array.from(sums) }
    })
    grams.set(weight, gram)
  }
  return grams
}
