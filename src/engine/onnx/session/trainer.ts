import { sizeOf } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { TrainingSetup, TrainPlan } from '../../engine.ts'
import type { Chunk } from '../../training/chunks.ts'
import { gather } from '../../training/gather.ts'
import { CHUNK_IMAGES, type Trainer } from '../../training/train.ts'
import { stateNames, updated } from '../graph/training-graph.ts'
import { weightTensor } from './create-session.ts'
import { hookTensors } from './hook-tensors.ts'
import { type InferenceSession, Tensor } from './ort.ts'

export type Tensors = Record<string, Tensor>

/**
 * A model under training from `start`, its weights and the optimiser's state going in and out of each chunk.
 * @param session what trains on batches of so many images
 */
export function openTrainer(
  session: (batch: number) => Promise<InferenceSession>,
  job: TrainingSetup,
  start: Weights,
  { lr, hooks = {}, relabel }: Pick<TrainPlan, 'lr' | 'hooks' | 'relabel'>,
): Trainer {
  let tensors = initialTensors(job, start)
  const constant = {
    lr: new Tensor('float32', [lr], []),
    ...hookTensors(hooks, job.model.classes, start, tensors),
  }
  return {
    chunkImages: CHUNK_IMAGES,
    async run(chunk, keys, done) {
      const result = await (await session(chunk.batch)).run({
        ...chunkFeeds(job, chunk, relabel),
        ...tensors,
        ...constant,
        step: new Tensor('float32', [done], []),
        keys: new Tensor('uint32', keys, [chunk.steps]),
      })
      tensors = Object.fromEntries(Object.keys(tensors).map((name) => [name, result[updated(name)] as Tensor]))
      return result.losses!.data as Float32Array
    },
    weights: async () => weightsIn(job, tensors),
  }
}

/** The parameters among tensors, each by its own name or by what `named` makes of it. */
export const weightsIn = ({ model }: TrainingSetup, tensors: Tensors, named = (name: string) => name): Weights =>
  new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, data: tensors[named(name)]!.data as Float32Array }]),
  )

function chunkFeeds(
  { dataset }: TrainingSetup,
  { indices, steps, batch }: Chunk,
  relabel: TrainPlan['relabel'],
): Tensors {
  const { images, labels } = gather(dataset, indices, relabel)
  return {
    images: new Tensor('uint8', images, [steps, batch, sizeOf(dataset.shape)]),
    labels: new Tensor('int32', labels, [steps, batch]),
  }
}

/** The weights, and the optimiser's state at zero. */
export function initialTensors({ optimizer }: TrainingSetup, start: Weights): Tensors {
  const tensors: Tensors = {}
  for (const [name, weight] of start) {
    tensors[name] = weightTensor(weight)
    for (const state of stateNames(optimizer, name))
      tensors[state] = new Tensor('float32', new Float32Array(weight.data.length), weight.shape)
  }
  return tensors
}
