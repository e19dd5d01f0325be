import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs'
import type { Model } from '../../model/model.ts'
import { OUT_OF_QUESTION, type TeacherHook } from '../hooks.ts'
import type { Tf } from './load.ts'
import { buildNetwork } from './network.ts'

/** The teacher of a plan, a network of its own (see engine/hooks.ts). */
export interface Teacher {
  /**
   * beta * KL(q ‖ p), but for what does not depend on the model.
   * @param x images as a network takes them
   * @param oneHot [N, classes], the images' own classes
   */
  term(x: Tensor, oneHot: Tensor2D, logits: Tensor2D): Scalar
  dispose(): void
}

export function openTeacher(tf: Tf, model: Model, { weights, beta, classes }: TeacherHook): Teacher {
  const network = buildNetwork(tf, model)
  network.load(weights)
  const others = tf.tidy(() => tf.sub(1, classes ? tf.tensor1d(classes) : tf.ones([model.classes])))
  return {
    term(x, oneHot, logits) {
      const out = oneHot.maximum(others).mul<Tensor2D>(OUT_OF_QUESTION)
      const taught = tf.softmax(network.infer(x).sub<Tensor2D>(out))
      const learnt = tf.logSoftmax(logits.sub<Tensor2D>(out))
      return taught.mul(learnt).sum(1).mean().mul<Scalar>(-beta)
    },
    dispose() {
      network.dispose()
      others.dispose()
    },
  }
}
