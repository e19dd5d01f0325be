import * as tf from '@tensorflow/tfjs'
import { simplexFrame } from '../../src/model/etf.ts'
import type { Model, PlacedLayer } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'

// Keeps the library from advertising its native backend on the console.
tf.enableProdMode()

/** The gradients of the mean cross-entropy by automatic differentiation, in the layout of `weights`. */
export async function tfjsGradients(
  model: Model,
  x: Float32Array,
  labels: readonly number[],
  weights: Weights,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  await tf.setBackend('cpu')
  const names = [...weights.keys()]
  tf.engine().startScope()
  try {
    const images = tf.tensor(x, [labels.length, ...model.input])
    const oneHot = tf.oneHot(tf.tensor1d([...labels], 'int32'), model.classes)
    const loss = (...parameters: tf.Tensor[]): tf.Scalar => {
      const named = new Map(names.map((name, i) => [name, parameters[i]!]))
      const logits = model.layers.reduce((value, placed) => layer(placed, value, named), images)
      return tf.losses.softmaxCrossEntropy(oneHot, logits).asScalar()
    }
    const start = [...weights.values()].map(({ shape, data }) => tf.tensor(data, [...shape]))
    const { value, grads } = tf.valueAndGrads(loss)(start)
    return {
      loss: value.dataSync()[0]!,
      gradients: new Map(names.map((name, i) => [name, grads[i]!.dataSync() as Float32Array])),
    }
  } finally {
    tf.engine().endScope()
  }
}

/** The library works on [N, H, W, C] and [H, W, C, filters]. */
function layer({ name, layer, output }: PlacedLayer, x: tf.Tensor, parameters: Map<string, tf.Tensor>): tf.Tensor {
  const toNhwc = () => tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D
  const toNchw = (y: tf.Tensor) => tf.transpose(y, [0, 3, 1, 2])
  switch (layer.type) {
    case 'conv2d': {
      const filter = tf.transpose(parameters.get(`${name}.weight`)!, [2, 3, 1, 0]) as tf.Tensor4D
      return toNchw(tf.add(tf.conv2d(toNhwc(), filter, 1, layer.padding), parameters.get(`${name}.bias`)!))
    }
    case 'maxpool2d':
      return toNchw(tf.maxPool(toNhwc(), layer.size, layer.size, 'valid'))
    case 'relu':
      return tf.relu(x)
    case 'flatten':
      return tf.reshape(x, [-1, output[0]!])
    case 'dense': {
      const product = tf.matMul(x as tf.Tensor2D, parameters.get(`${name}.weight`)! as tf.Tensor2D, false, true)
      return tf.add(product, parameters.get(`${name}.bias`)!)
    }
    case 'etf': {
      const frame = tf.tensor2d(simplexFrame(x.shape[1]!, output[0]!), [x.shape[1]!, output[0]!])
      const unit = tf.div(x, tf.norm(x, 'euclidean', 1, true)) as tf.Tensor2D
      return tf.mul(tf.matMul(unit, frame), parameters.get(`${name}.scale`) ?? layer.scale)
    }
    case 'dropout':
      return x
  }
}
