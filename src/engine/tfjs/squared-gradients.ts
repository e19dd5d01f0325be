import { setImmediate } from 'node:timers/promises'
import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs'
import { sizeOf } from '../../model/model.ts'
import type { TrainingSetup } from '../engine.ts'
import type { SquaredGradients } from '../training/fisher.ts'
import { imageTensor } from './images.ts'
import type { Tf } from './load.ts'
import type { Network } from './network.ts'

/**
 * Sums over images of the squared gradients of the network's variables (see engine/statistics.ts), one image after another.
 * @param given `labelled`: of each image's own label alone; `check`: throws if the run was cancelled
 */
export function squaredGradients(
  tf: Tf,
  network: Network,
  job: TrainingSetup,
  { labelled, check }: { readonly labelled: boolean; check(): void },
): SquaredGradients {
  const { classes, input } = job.model
  const pixels = sizeOf(input)
  const variables: Variable[] = [...network.variables]

  /** √p_c (p - 1_c) for each class c, of which a gradient of the logits goes back; or p - 1_y. */
  const losses = (logits: Tensor2D, label: number): Tensor[] => {
    const p = tf.softmax(logits)
    const away = (c: number) => p.sub(tf.oneHot(tf.tensor1d([c], 'int32'), classes))
    if (labelled) return [away(label)]
    const roots = p.sqrt().reshape([classes])
    return Array.from({ length: classes }, (_, c) => away(c).mul(roots.slice(c, 1)))
  }

  /** The sums with those of one more image. */
  const added = (sums: readonly Tensor[], image: Uint8Array, label: number): Tensor[] =>
    tf.tidy(() => {
      const x = imageTensor(tf, job, image, 1)
      const gradients = losses(network.infer(x), label).map(
        (dLogits) => tf.variableGrads(() => network.infer(x).mul(dLogits).sum().asScalar(), variables).grads,
      )
      return sums.map((sum, i) => gradients.reduce((all, grads) => all.add(grads[variables[i]!.name]!.square()), sum))
    })

  return async (images, labels) => {
    let sums: Tensor[] = variables.map((variable) => tf.tidy(() => tf.zerosLike(variable)))
    try {
      for (const [i, label] of labels.entries()) {
        // Lets Ctrl-C and the progress display in.
        await setImmediate()
        check()
        const before = sums
        sums = added(before, images.subarray(i * pixels, (i + 1) * pixels), label)
        tf.dispose(before)
      }
      return await network.weightsOf(sums)
    } finally {
      tf.dispose(sums)
    }
  }
}
