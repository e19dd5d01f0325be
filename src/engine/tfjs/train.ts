import { setImmediate } from 'node:timers/promises'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs'
import { sizeOf } from '../../model/model.ts'
import type { TrainingSetup, TrainPlan } from '../engine.ts'
import { dropoutMask } from '../training/dropout-mask.ts'
import { gather } from '../training/gather.ts'
import type { Trainer } from '../training/train.ts'
import { openHooks } from './hooks.ts'
import { imageTensor } from './images.ts'
import type { Tf } from './load.ts'
import type { Network } from './network.ts'
import { openOptimizer } from './optimizers.ts'
import { openTeacher } from './teacher.ts'

export interface TfjsTrainer extends Trainer {
  dispose(): void
}

/**
 * Training of `network` from the weights that it holds, its optimiser's state at zero.
 * @param check throws where the run was cancelled; asked before every step, because a step blocks the event loop
 */
export function openTrainer(
  tf: Tf,
  network: Network,
  job: TrainingSetup,
  { lr, hooks: given = {}, relabel }: Pick<TrainPlan, 'lr' | 'hooks' | 'relabel'>,
  options: { readonly chunkImages: number; check(): void },
): TfjsTrainer {
  const { model, dataset } = job
  const optimizer = openOptimizer(tf, network.variables, job.optimizer, lr)
  const hooks = openHooks(tf, network, given)
  const teacher = given.teacher && openTeacher(tf, model, given.teacher)

  /** One update; the batch's mean loss before it. */
  const update = (indices: Uint32Array, key: number, step: number): Scalar =>
    tf.tidy(() => {
      const { images, labels } = gather(dataset, indices, relabel)
      const x = imageTensor(tf, job, images, labels.length)
      const oneHot = tf.oneHot(tf.tensor1d(labels, 'int32'), model.classes).toFloat() as Tensor2D
      const targets = hooks.targets(oneHot)
      const masks = network.dropouts.map(({ rate, position, shape }) => {
        const values = dropoutMask(rate, key, position, labels.length * sizeOf(shape))
        return tf.tensor(values, [labels.length, ...shape])
      })
      const { loss, gradients } = hooks.gradients(() => {
        const logits = network.train(x, masks)
        const loss = tf.losses.softmaxCrossEntropy(targets, hooks.logits(logits)).asScalar()
        return { loss, more: teacher?.term(x, oneHot, logits) }
      })
      optimizer.apply(gradients.map(hooks.gradient), step)
      return loss
    })

  return {
    chunkImages: options.chunkImages,
    async run({ indices, batch, steps }, keys, done) {
      const losses: Scalar[] = []
      try {
        for (let i = 0; i < steps; i++) {
          await setImmediate()
          options.check()
          losses.push(update(indices.subarray(i * batch, (i + 1) * batch), keys[i]!, done + i + 1))
        }
        // Read at the end of the chunk: a device then computes on while the next step is prepared.
        const values = await Promise.all(losses.map((loss) => loss.data()))
        return Float32Array.from(values, ([value]) => value!)
      } finally {
        tf.dispose(losses)
      }
    },
    weights: () => network.read(),
    dispose() {
      optimizer.dispose()
      hooks.dispose()
      teacher?.dispose()
    },
  }
}
