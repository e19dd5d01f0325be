import type { Weights } from '../../weights/weights.ts'
import type { TrainingSetup } from '../engine.ts'
import { chunks } from './chunks.ts'
import { gather } from './gather.ts'

/** Images between two looks at whether the run was cancelled. */
const CHUNK = 250

/** For each weight the sum over images, uint8 [count, pixels], of its squared gradients (see engine/statistics.ts). */
export type SquaredGradients = (images: Uint8Array, labels: Int32Array) => Promise<Weights>

/** The mean over the images at `indices`. */
export async function fisherWith(
  squares: SquaredGradients,
  { model, dataset }: TrainingSetup,
  indices: Uint32Array,
): Promise<Weights> {
  const sums = new Map<string, Float64Array>()
  for (const chunk of chunks(indices, CHUNK, CHUNK)) {
    const { images, labels } = gather(dataset, chunk.indices)
    for (const [name, { data }] of await squares(images, labels)) {
      const before = sums.get(name)
      sums.set(name, before ? before.map((sum, i) => sum + data[i]!) : Float64Array.from(data))
    }
  }
  return new Map(
    model.parameters.map(({ name, shape }) => [
      name,
      { shape, data: Float32Array.from(sums.get(name)!, (sum) => sum / indices.length) },
    ]),
  )
}
