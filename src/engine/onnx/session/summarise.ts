import { featureModel } from '../../../model/features.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { TrainingSetup } from '../../engine.ts'
import type { HeadStatistics } from '../../head-statistics.ts'
import { summariseWith } from '../../training/summarise.ts'
import { gramGraph } from '../graph/gram-graph.ts'
import { createSession } from './create-session.ts'
import { openFeatures } from './features.ts'
import { type InferenceSession, Tensor } from './ort.ts'

/**
 * Sums over the images at `indices` of the inputs of the model's last layer, on this thread.
 * @param check throws if the run was cancelled
 */
export async function summarise(
  job: TrainingSetup,
  weights: Weights,
  indices: Uint32Array,
  check: () => void,
): Promise<HeadStatistics> {
  const model = featureModel(job.model)
  const inference = await openFeatures(job, model, weights, check)
  const gram = await createSession(gramGraph(model.classes + 1, job.dataset.classes))
  try {
    return await summariseWith(inference.features, model.classes, job, indices, (to, batch, labels) =>
      add(gram, to, batch, labels),
    )
  } finally {
    await Promise.all([inference.release(), gram.release()])
  }
}

/** The products of a batch in single precision, their sum over batches in double. */
async function add(
  session: InferenceSession,
  to: HeadStatistics,
  features: Float32Array,
  labels: Int32Array,
): Promise<HeadStatistics> {
  const { size, classes } = to
  const count = labels.length
  const z = new Float32Array(count * size).fill(1)
  const y = new Float32Array(count * classes)
  for (const [i, label] of labels.entries()) {
    z.set(features.subarray(i * (size - 1), (i + 1) * (size - 1)), i * size)
    y[i * classes + label] = 1
  }
  const { gram, cross } = await session.run({
    z: new Tensor('float32', z, [count, size]),
    y: new Tensor('float32', y, [count, classes]),
  })
  addInto(to.gram, gram!.data as Float32Array)
  addInto(to.cross, cross!.data as Float32Array)
  return { ...to, images: to.images + count }
}

function addInto(sums: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!
}
