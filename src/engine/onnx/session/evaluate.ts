import { sizeOf } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { Evaluation, TrainingSetup } from '../../engine.ts'
import { evaluateWith } from '../../training/evaluate.ts'
import { CHUNK_IMAGES } from '../../training/train.ts'
import { weightTensor } from './create-session.ts'
import { type InferenceSession, Tensor } from './ort.ts'

/** Counts of a model, as a session of its inference graph, on the images at `indices`. */
export function evaluate(session: InferenceSession, job: TrainingSetup, indices: Uint32Array): Promise<Evaluation> {
  const classify = async (images: Uint8Array, count: number) => {
    const { logits } = await session.run({ images: new Tensor('uint8', images, [count, ...job.model.input]) })
    return logits!.data as Float32Array
  }
  return evaluateWith(classify, job, indices)
}

/** The same on each of several test sets, by a session of the evaluation graph, which takes any weights. */
export async function evaluateWeights(
  session: InferenceSession,
  job: TrainingSetup,
  weights: Weights,
  sets: readonly Uint32Array[],
): Promise<Evaluation[]> {
  const pixels = sizeOf(job.dataset.shape)
  const feeds = Object.fromEntries([...weights].map(([name, weight]) => [name, weightTensor(weight)]))
  const classify = async (images: Uint8Array, batch: number, steps: number) => {
    const { logits } = await session.run({ ...feeds, images: new Tensor('uint8', images, [steps, batch, pixels]) })
    return logits!.data as Float32Array
  }
  const evaluations: Evaluation[] = []
  for (const indices of sets) evaluations.push(await evaluateWith(classify, job, indices, CHUNK_IMAGES))
  return evaluations
}
