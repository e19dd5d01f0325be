import type { Model } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { TrainingSetup } from '../../engine.ts'
import type { Features } from '../../training/summarise.ts'
import { inferenceGraph } from '../graph/inference-graph.ts'
import { createSession } from './create-session.ts'
import { Tensor } from './ort.ts'

/**
 * What computes the outputs of the first layers of a model, on this thread.
 * @param model those layers, with `weights` of the whole model
 * @param check throws if the run was cancelled
 */
export async function openFeatures(
  { normalise }: TrainingSetup,
  model: Model,
  weights: Weights,
  check: () => void,
): Promise<{ readonly features: Features; release(): Promise<void> }> {
  const inside = new Map(model.parameters.map(({ name }) => [name, weights.get(name)!]))
  const session = await createSession(inferenceGraph(model, normalise, inside))
  return {
    async features(images, count) {
      check()
      const { logits } = await session.run({ images: new Tensor('uint8', images, [count, ...model.input]) })
      return logits!.data as Float32Array
    },
    release: () => session.release(),
  }
}
