import { type InferenceSession, Tensor } from 'onnxruntime-node'
import type { Evaluation, TrainingSetup } from '../engine.ts'
import { evaluateWith } from '../evaluate.ts'

/** Counts of a model, as a session of its inference graph, on the images at `indices`. */
export function evaluate(session: InferenceSession, job: TrainingSetup, indices: Uint32Array): Promise<Evaluation> {
  const classify = async (images: Uint8Array, count: number) => {
    const { logits } = await session.run({ images: new Tensor('uint8', images, [count, ...job.model.input]) })
    return logits!.data as Float32Array
  }
  return evaluateWith(classify, job, indices)
}
