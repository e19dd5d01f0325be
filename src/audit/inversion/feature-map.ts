import { type PlacedLayer, zerosBefore } from '../../model/model.ts'
import type { Weights } from '../../weights/weights.ts'

type Values = Float64Array
type Placed<T extends PlacedLayer['layer']['type']> = PlacedLayer<Extract<PlacedLayer['layer'], { type: T }>>
type Images = readonly [channels: number, rows: number, cols: number]

/** What layers make of one image, in plain code, and the way back. */
export interface FeatureMap {
  /** @param x [channels, rows, cols], as the model takes it */
  features(x: Values): Values
  /** The gradient of the inputs that `features` was called with last, from the gradient of what it gave. */
  back(dFeatures: Values): Values
}

/**
 * The layers in front of a model's first dense one. An engine trains weights, and has no way back to the image: the first
 * layer of its graph ends it.
 * @throws RangeError for layers that are not of images
 */
export function featureMap(layers: readonly PlacedLayer[], weights: Weights): FeatureMap {
  const maps = layers.map((placed) => mapOf(placed, weights))
  return {
    features: (x) => maps.reduce((values, map) => map.features(values), x),
    back: (dFeatures) => maps.reduceRight((gradient, map) => map.back(gradient), dFeatures),
  }
}

function mapOf(placed: PlacedLayer, weights: Weights): FeatureMap {
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2d(placed as Placed<'conv2d'>, weights)
    case 'maxpool2d':
      return maxpool2d(placed as Placed<'maxpool2d'>)
    case 'relu':
      return relu()
    case 'flatten':
      return { features: (x) => x, back: (gradient) => gradient }
    default:
      throw new RangeError(`${placed.layer.type} is no layer of images`)
  }
}

function relu(): FeatureMap {
  let out: Values
  return {
    features(x) {
      out = x.map((value) => Math.max(0, value))
      return out
    },
    back: (gradient) => gradient.map((value, i) => (out[i]! > 0 ? value : 0)),
  }
}

function maxpool2d({ layer: { size }, input, output }: Placed<'maxpool2d'>): FeatureMap {
  const [channels, rows, cols] = input as Images
  const [, outRows, outCols] = output as Images
  const from = new Uint32Array(channels * outRows * outCols)
  return {
    features(x) {
      const out = new Float64Array(from.length).fill(Number.NEGATIVE_INFINITY)
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < outRows * size; row++) {
          for (let col = 0; col < outCols * size; col++) {
            const to = (channel * outRows + Math.floor(row / size)) * outCols + Math.floor(col / size)
            const at = (channel * rows + row) * cols + col
            if (x[at]! <= out[to]!) continue
            out[to] = x[at]!
            from[to] = at
          }
        }
      }
      return out
    },
    back(gradient) {
      const dx = new Float64Array(channels * rows * cols)
      for (const [to, value] of gradient.entries()) dx[from[to]!]! += value
      return dx
    },
  }
}

function conv2d({ name, layer, input, output }: Placed<'conv2d'>, weights: Weights): FeatureMap {
  const [channels, rows, cols] = input as Images
  const [filters, outRows, outCols] = output as Images
  const { kernel } = layer
  const before = zerosBefore(layer)
  const [weight, bias] = [weights.get(`${name}.weight`)!.data, weights.get(`${name}.bias`)!.data]
  // Along each tap of each kernel lie rows of an image's values, which a row of the output sees.
  const eachRow = (visit: (tap: number, out: number, x: number, count: number) => void) => {
    for (let i = 0; i < weight.length; i++) {
      const [kr, kc] = [Math.floor(i / kernel) % kernel, i % kernel]
      const channel = Math.floor(i / kernel ** 2) % channels
      const filter = Math.floor(i / (kernel ** 2 * channels))
      const first = Math.max(0, before - kc)
      const count = Math.min(outCols, cols + before - kc) - first
      const last = Math.min(outRows, rows + before - kr)
      for (let row = Math.max(0, before - kr); row < last; row++) {
        const out = (filter * outRows + row) * outCols + first
        visit(weight[i]!, out, (channel * rows + row + kr - before) * cols + first + kc - before, count)
      }
    }
  }
  return {
    features(x) {
      const out = new Float64Array(filters * outRows * outCols)
      for (let filter = 0; filter < filters; filter++) {
        out.fill(bias[filter]!, filter * outRows * outCols, (filter + 1) * outRows * outCols)
      }
      eachRow((tap, to, from, count) => {
        for (let i = 0; i < count; i++) out[to + i]! += tap * x[from + i]!
      })
      return out
    },
    back(gradient) {
      const dx = new Float64Array(channels * rows * cols)
      eachRow((tap, from, to, count) => {
        for (let i = 0; i < count; i++) dx[to + i]! += tap * gradient[from + i]!
      })
      return dx
    },
  }
}
