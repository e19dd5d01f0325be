import type { Weights } from '../../../weights/weights.ts'
import type { TrainingSetup } from '../../engine.ts'
import type { Statistic } from '../../statistics.ts'
import { fisherWith } from '../../training/fisher.ts'
import { type AddGram, gramsWith } from '../../training/grams.ts'
import { fisherGraph, squaresOf } from '../graph/fisher-graph.ts'
import { gramGraph } from '../graph/gram-graph.ts'
import { createSession, weightTensor } from './create-session.ts'
import { openFeatures } from './features.ts'
import { type InferenceSession, Tensor } from './ort.ts'

/**
 * A statistic of the images at `indices`, on this thread.
 * @param check throws if the run was cancelled
 */
export const measure = (
  statistic: Statistic,
  job: TrainingSetup,
  weights: Weights,
  indices: Uint32Array,
  check: () => void,
): Promise<Weights> =>
  statistic === 'grams'
    ? grams(job, weights, indices, check)
    : fisher(job, weights, indices, { labelled: statistic === 'empirical-fisher', check })

const grams = (job: TrainingSetup, weights: Weights, indices: Uint32Array, check: () => void): Promise<Weights> =>
  gramsWith(job, indices, async (before, gram) => {
    const inputs = await openFeatures(job, before, weights, check)
    const product = await createSession(gramGraph(before.classes))
    try {
      return await gram(inputs.features, addBy(product))
    } finally {
      await Promise.all([inputs.release(), product.release()])
    }
  })

/** The products of a batch in single precision, their sum over batches in double. */
const addBy =
  (session: InferenceSession): AddGram =>
  async (to, inputs, size) => {
    const { gram } = await session.run({ z: new Tensor('float32', inputs, [inputs.length / size, size]) })
    const whole = gram!.data as Float32Array
    let at = 0
    for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) to[at++]! += whole[i * size + j]!
  }

async function fisher(
  job: TrainingSetup,
  weights: Weights,
  indices: Uint32Array,
  { labelled, check }: { readonly labelled: boolean; check(): void },
): Promise<Weights> {
  const { model, normalise } = job
  const session = await createSession(fisherGraph(model, normalise, labelled))
  const feeds = Object.fromEntries([...weights].map(([name, weight]) => [name, weightTensor(weight)]))
  try {
    return await fisherWith(
      async (images, labels) => {
        check()
        const count = labels.length
        const sums = await session.run({
          ...feeds,
          images: new Tensor('uint8', images, [count, images.length / count]),
          ...(labelled && { labels: new Tensor('int32', labels, [count]) }),
        })
        return new Map(
          model.parameters.map(({ name, shape }) => [
            name,
            { shape, data: sums[squaresOf(name)]!.data as Float32Array },
          ]),
        )
      },
      job,
      indices,
    )
  } finally {
    await session.release()
  }
}
