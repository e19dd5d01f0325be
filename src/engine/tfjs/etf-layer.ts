import type { layers, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs'
import { LENGTH_EPSILON, simplexFrame } from '../../model/etf.ts'
import type { Layer } from '../../model/layers.ts'
import type { PlacedLayer } from '../../model/model.ts'
import type { Tf } from './load.ts'

/** f [N, features] → logits s · f̂ᵀM [N, classes], which the library has no layer for. */
export function etfLayer(tf: Tf, { layer, input, output }: PlacedLayer<Extract<Layer, { type: 'etf' }>>): layers.Layer {
  const [features, classes] = [input[0]!, output[0]!]
  const frame = simplexFrame(features, classes)

  class Etf extends tf.layers.Layer {
    static className = 'Etf'

    override build(): void {
      if (layer.learn) this.addWeight('scale', [1], 'float32', tf.initializers.zeros())
      this.built = true
    }

    override computeOutputShape(): [null, number] {
      return [null, classes]
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const x = [inputs].flat()[0] as Tensor2D
        const length = x.square().sum(1, true).add(LENGTH_EPSILON).sqrt()
        const cosines = x.div<Tensor2D>(length).matMul(tf.tensor2d(frame, [features, classes]))
        return cosines.mul(layer.learn ? (this.weights[0]!.read() as Variable) : layer.scale)
      })
    }
  }
  return new Etf()
}
