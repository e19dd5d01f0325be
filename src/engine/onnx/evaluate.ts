import { Tensor } from 'onnxruntime-node'
import type { Weights } from '../../model/weights.ts'
import type { Device, Evaluation, TrainingSetup } from '../engine.ts'
import { type Classify, evaluateWith } from '../evaluate.ts'
import { inferenceGraph } from './inference-graph.ts'
import { createSession } from './session.ts'

/** Counts of a model on the images at `indices`. */
export async function evaluate(
  device: Device,
  job: TrainingSetup,
  weights: Weights,
  indices: Uint32Array,
): Promise<Evaluation> {
  const { model, normalise } = job
  const session = await createSession(inferenceGraph(model, normalise, weights), device)
  const classify: Classify = async (images, count) => {
    const { logits } = await session.run({ images: new Tensor('uint8', images, [count, ...model.input]) })
    return logits!.data as Float32Array
  }
  try {
    return await evaluateWith(classify, job, indices)
  } finally {
    await session.release()
  }
}
