import type { LayersModel, layers, SymbolicTensor, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs'
import { type Model, type PlacedLayer, type Shape, sizeOf } from '../../model/model.ts'
import type { Weights } from '../../weights/weights.ts'
import { etfLayer } from './etf-layer.ts'
import type { Tf } from './load.ts'

type Layer = layers.Layer

/** A dropout of the model: what its mask must be made for. */
export interface Dropout {
  readonly rate: number
  /** Index of the layer in the model. */
  readonly position: number
  /** Of one image's activation, in standard order. */
  readonly shape: Shape
}

/** The model as TensorFlow.js layers. Images and masks come in standard order, [N, C, H, W] or [N, features]. */
export interface Network {
  /** Logits [N, classes] as trained: one mask for each of `dropouts`, whose values multiply the activation's. */
  train(x: Tensor, masks: readonly Tensor[]): Tensor2D
  /** Logits [N, classes] without dropout. */
  infer(x: Tensor): Tensor2D
  readonly dropouts: readonly Dropout[]
  readonly variables: readonly Variable[]
  /** Tensors in the order and the layout of `variables`, from weights; the caller's to dispose of. */
  tensors(weights: Weights): Tensor[]
  load(weights: Weights): void
  read(): Promise<Weights>
  /** The same of tensors in the order and the layout of `variables`. */
  weightsOf(tensors: readonly Tensor[]): Promise<Weights>
  dispose(): void
}

/** The library works on [N, H, W, C]. */
const TO_NHWC = [0, 2, 3, 1]

/**
 * Weights by their rank, from standard order to TensorFlow's and back: a convolution's [F, C, k, k] is its
 * [k, k, C, F], a dense layer's [units, features] its [features, units].
 */
const WEIGHT_AXES: Record<number, { readonly inside: number[]; readonly standard: number[] }> = {
  4: { inside: [2, 3, 1, 0], standard: [3, 2, 0, 1] },
  2: { inside: [1, 0], standard: [1, 0] },
  1: { inside: [0], standard: [0] },
}

/** Builds the model twice over the same weights: with its dropouts, for training, and without. */
export function buildNetwork(tf: Tf, model: Model): Network {
  const made = new Map(model.layers.map((placed) => [placed, tfLayers(tf, placed)]))
  const dropouts = model.layers.flatMap(({ layer, output }, position) =>
    layer.type === 'dropout' ? [{ rate: layer.rate, position, shape: output }] : [],
  )
  const build = (masked: boolean): LayersModel => {
    const image = tf.input({ shape: nhwc(model.input) })
    const masks = masked ? dropouts.map(({ shape }) => tf.input({ shape: nhwc(shape) })) : []
    let nextMask = 0
    const logits = model.layers.reduce((x, placed) => {
      if (placed.layer.type !== 'dropout') return through(made.get(placed)!, x)
      return masked ? (tf.layers.multiply().apply([x, masks[nextMask++]!]) as SymbolicTensor) : x
    }, image)
    return tf.model({ inputs: [image, ...masks], outputs: logits })
  }
  const plain = build(false)
  const training = dropouts.length > 0 ? build(true) : plain
  const variables = new Map(
    model.layers.flatMap((placed) => {
      const weights = made.get(placed)!.flatMap((layer) => layer.weights)
      return placed.parameters.map(({ name }, i) => [name, weights[i]!.read() as Variable] as const)
    }),
  )
  const inside = (x: Tensor) => (x.rank === 4 ? tf.transpose(x, TO_NHWC) : x)
  const tensors = (weights: Weights) =>
    Array.from(variables.keys(), (name) => {
      const { shape, data } = weights.get(name)!
      return tf.tidy(() => tf.transpose(tf.tensor(data, [...shape], 'float32'), WEIGHT_AXES[shape.length]!.inside))
    })
  const weightsOf = async (values: readonly Tensor[]): Promise<Weights> => {
    const weights = new Map<string, { shape: Shape; data: Float32Array }>()
    for (const [i, { name, shape }] of model.parameters.entries()) {
      const standard = tf.transpose(values[i]!, WEIGHT_AXES[shape.length]!.standard)
      // A copy: what the library hands out may be its own memory.
      weights.set(name, { shape, data: Float32Array.from(await standard.data()) })
      standard.dispose()
    }
    return weights
  }

  return {
    train: (x, masks) => training.apply([x, ...masks].map(inside)) as Tensor2D,
    infer: (x) => plain.apply(inside(x)) as Tensor2D,
    dropouts,
    variables: [...variables.values()],
    tensors,
    load(weights) {
      tf.tidy(() => {
        const values = tensors(weights)
        for (const [i, variable] of [...variables.values()].entries()) variable.assign(values[i]!)
      })
    },
    read: () => weightsOf([...variables.values()]),
    weightsOf,
    dispose: () => tf.dispose([...variables.values()]),
  }
}

/** The library's layers for one of ours, on [H, W, C] or [features]; none for dropout, whose mask is an input. */
function tfLayers(tf: Tf, placed: PlacedLayer): Layer[] {
  const { layer, input } = placed
  const zeros = { kernelInitializer: 'zeros', biasInitializer: 'zeros' } as const
  switch (layer.type) {
    case 'conv2d':
      return [tf.layers.conv2d({ filters: layer.filters, kernelSize: layer.kernel, padding: layer.padding, ...zeros })]
    case 'dense':
      return [tf.layers.dense({ units: layer.units, ...zeros })]
    case 'maxpool2d':
      return [tf.layers.maxPooling2d({ poolSize: layer.size, strides: layer.size })]
    case 'relu':
      return [tf.layers.reLU()]
    case 'flatten': {
      const flat = tf.layers.reshape({ targetShape: [sizeOf(input)] })
      // Dense weights of the seam expect the order [C, H, W].
      return input.length === 3 ? [tf.layers.permute({ dims: [3, 1, 2] }), flat] : [flat]
    }
    case 'etf':
      return [etfLayer(tf, placed as Parameters<typeof etfLayer>[1])]
    case 'dropout':
      return []
  }
}

const through = (steps: readonly Layer[], x: SymbolicTensor): SymbolicTensor =>
  steps.reduce((value, layer) => layer.apply(value) as SymbolicTensor, x)

function nhwc(shape: Shape): number[] {
  const [channels, ...sides] = shape
  return sides.length === 0 ? [channels!] : [...sides, channels!]
}
