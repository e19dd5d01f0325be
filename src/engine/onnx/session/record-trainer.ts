import { sizeOf } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { TrainingSetup, TrainPlan } from '../../engine.ts'
import { gather } from '../../training/gather.ts'
import { CHUNK_IMAGES } from '../../training/train.ts'
import type { RecordTrainer } from '../../training/train-records.ts'
import { nextSumOf, sumOf } from '../graph/clipped-sum-graph.ts'
import { gradientOf } from '../graph/given-step-graph.ts'
import { updated } from '../graph/training-graph.ts'
import { hookedBy, hookTensors } from './hook-tensors.ts'
import { CLIPPED_BATCH, type Sessions } from './job-sessions.ts'
import { Tensor } from './ort.ts'
import { initialTensors, type Tensors, weightsIn } from './trainer.ts'

/** A model under training from `start` that tells the images of a step apart, and is given the gradient of each step. */
export async function openRecordTrainer(
  sessions: Sessions,
  job: TrainingSetup,
  start: Weights,
  { lr, clip, hooks = {}, relabel }: Pick<TrainPlan, 'lr' | 'hooks' | 'relabel'> & { readonly clip: number },
  check: () => void,
): Promise<RecordTrainer> {
  const { model, dataset } = job
  const hooked = hookedBy(hooks)
  const [summing, stepping] = await Promise.all([sessions.clippedSum(hooked), sessions.givenStep(hooked)])
  let tensors = initialTensors(job, start)
  const constant = hookTensors(hooks, model.classes, start, tensors)
  const scalar = (value: number) => new Tensor('float32', [value], [])
  const pixels = dataset.images.length / dataset.labels.length
  const weights = () => Object.fromEntries(model.parameters.map(({ name }) => [name, tensors[name]!]))
  const inputsOf = (session: typeof summing, feeds: Tensors): Tensors =>
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]))

  /** The images of a chunk, in whole batches: what fills the last one does not count. */
  const feedsOf = (indices: Uint32Array): Tensors => {
    const steps = Math.ceil(indices.length / CLIPPED_BATCH)
    const all = new Uint32Array(steps * CLIPPED_BATCH).fill(indices[0]!)
    all.set(indices)
    const { images, labels } = gather(dataset, all, relabel)
    const counted = new Float32Array(all.length).fill(1, 0, indices.length)
    return {
      images: new Tensor('uint8', images, [steps, CLIPPED_BATCH, pixels]),
      labels: new Tensor('int32', labels, [steps, CLIPPED_BATCH]),
      counted: new Tensor('float32', counted, [steps, CLIPPED_BATCH]),
    }
  }

  return {
    async clippedSum(indices) {
      let sums: Tensors = Object.fromEntries(
        model.parameters.map(({ name, shape }) => [
          sumOf(name),
          new Tensor('float32', new Float32Array(sizeOf(shape)), shape),
        ]),
      )
      let loss = 0
      for (let from = 0; from < indices.length; from += CHUNK_IMAGES) {
        check()
        const some = indices.subarray(from, from + CHUNK_IMAGES)
        const feeds = { ...feedsOf(some), ...weights(), ...sums, ...constant, clip: scalar(clip) }
        const result = (await summing.run(inputsOf(summing, feeds))) as Tensors
        sums = Object.fromEntries(model.parameters.map(({ name }) => [sumOf(name), result[nextSumOf(name)]!]))
        loss += (result.losses!.data as Float32Array).reduce((a, b) => a + b, 0)
      }
      return { sum: weightsIn(job, sums, sumOf), loss }
    },
    async step(gradient, number) {
      const given = Object.fromEntries(
        [...gradient].map(([name, { shape, data }]) => [gradientOf(name), new Tensor('float32', data, shape)]),
      )
      const feeds = { ...tensors, ...given, ...constant, lr: scalar(lr), step: scalar(number) }
      const result = (await stepping.run(inputsOf(stepping, feeds))) as Tensors
      tensors = Object.fromEntries(Object.keys(tensors).map((name) => [name, result[updated(name)]!]))
    },
    weights: async () => weightsIn(job, tensors),
  }
}
