import type { Learner } from '../../engine/engine.ts'
import type { Weights } from '../../weights/weights.ts'

/** The cross-entropy of each image under a model, in nats. Engines evaluate sets of images; each is a set of its own. */
export async function lossesOf(learner: Learner, weights: Weights, images: Uint32Array): Promise<Float64Array> {
  const all = await Promise.all(Array.from(images, (image) => learner.evaluate(weights, Uint32Array.of(image))))
  return Float64Array.from(all, ({ lossSum }) => lossSum)
}

/** ln(p / (1 - p)) of the probability p = e^-loss of the true class, within what float64 can tell of it. */
export const confidence = (loss: number): number => {
  const miss = Math.max(-Math.expm1(-loss), Number.EPSILON)
  return -loss - Math.log(miss)
}
