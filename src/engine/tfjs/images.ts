import type { Tensor4D } from '@tensorflow/tfjs'
import type { TrainingSetup } from '../engine.ts'
import type { Tf } from './load.ts'

/** uint8 [count, pixels] → standardised float32 [count, C, H, W], rounded as the onnx engine rounds. */
export function imageTensor(
  tf: Tf,
  { model, normalise: { mean, std } }: TrainingSetup,
  images: Uint8Array,
  count: number,
): Tensor4D {
  return tf.tidy(() =>
    tf
      .tensor4d(Float32Array.from(images), [count, ...model.input])
      .mul<Tensor4D>(1 / (255 * std))
      .sub<Tensor4D>(mean / std),
  )
}
