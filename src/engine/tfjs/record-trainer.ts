import { setImmediate } from 'node:timers/promises'
import type { Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs'
import type { TrainingSetup, TrainPlan } from '../engine.ts'
import { gather } from '../training/gather.ts'
import { LEAST_NORM, type RecordTrainer } from '../training/train-records.ts'
import { openHooks } from './hooks.ts'
import { imageTensor } from './images.ts'
import type { Tf } from './load.ts'
import type { Network } from './network.ts'
import { openOptimizer } from './optimizers.ts'

export interface TfjsRecordTrainer extends RecordTrainer {
  dispose(): void
}

/**
 * Training of `network` that tells the images of a step apart: one image after another goes there and back, and its
 * gradient is clipped before it is added to the others.
 * @param check throws where the run was cancelled; asked before every image
 */
export function openRecordTrainer(
  tf: Tf,
  network: Network,
  job: TrainingSetup,
  { lr, clip, hooks: given = {}, relabel }: Pick<TrainPlan, 'lr' | 'hooks' | 'relabel'> & { readonly clip: number },
  check: () => void,
): TfjsRecordTrainer {
  const { model, dataset } = job
  const variables: Variable[] = [...network.variables]
  const optimizer = openOptimizer(tf, variables, job.optimizer, lr)
  const hooks = openHooks(tf, network, given)

  /** The sums with those of one more image: its clipped gradient, and its loss. */
  const added = (sums: readonly Tensor[], loss: Scalar, index: number): [Tensor[], Scalar] =>
    tf.tidy(() => {
      const { images, labels } = gather(dataset, Uint32Array.of(index), relabel)
      const x = imageTensor(tf, job, images, 1)
      const targets = hooks.targets(tf.oneHot(tf.tensor1d(labels, 'int32'), model.classes).toFloat() as Tensor2D)
      const { value, grads } = tf.variableGrads(
        () => tf.losses.softmaxCrossEntropy(targets, network.train(x, [])).asScalar(),
        variables,
      )
      const gradients = variables.map(({ name }) => grads[name]!)
      const norm = tf.addN(gradients.map((gradient) => gradient.square().sum())).sqrt()
      const factor = tf.scalar(clip).div(norm.maximum(LEAST_NORM)).minimum(1)
      return [sums.map((sum, i) => sum.add(gradients[i]!.mul(factor))), loss.add<Scalar>(value)]
    })

  return {
    async clippedSum(indices) {
      let sums: Tensor[] = variables.map((variable) => tf.tidy(() => tf.zerosLike(variable)))
      let loss = tf.scalar(0)
      try {
        for (const index of indices) {
          await setImmediate()
          check()
          const before = [...sums, loss]
          ;[sums, loss] = added(sums, loss, index)
          tf.dispose(before)
        }
        return { sum: await network.weightsOf(sums), loss: (await loss.data())[0]! }
      } finally {
        tf.dispose([...sums, loss])
      }
    },
    async step(gradient, number) {
      tf.tidy(() => optimizer.apply(network.tensors(gradient).map(hooks.gradient), number))
    },
    weights: () => network.read(),
    dispose() {
      optimizer.dispose()
      hooks.dispose()
    },
  }
}
