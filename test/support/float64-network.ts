import type { Model, PlacedLayer } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'

/** Parameters by name, in double precision. */
export type Parameters = Map<string, Float64Array>

export const toFloat64 = (weights: Weights): Parameters =>
  new Map([...weights].map(([name, { data }]) => [name, Float64Array.from(data)]))

/**
 * The model written as plainly as possible, in double precision: [N, C, H, W] → logits [N, classes].
 * Dropout passes everything through.
 */
export function float64Forward(model: Model, x: ArrayLike<number>, parameters: Parameters): Float64Array {
  const size = model.input.reduce((n, d) => n * d, 1)
  const images = x.length / size
  const logits = new Float64Array(images * model.classes)
  for (let n = 0; n < images; n++) {
    let values = Float64Array.from({ length: size }, (_, i) => x[n * size + i]!)
    for (const placed of model.layers) values = layerForward(placed, values, parameters)
    logits.set(values, n * model.classes)
  }
  return logits
}

type Values = Float64Array<ArrayBuffer>

function layerForward(placed: PlacedLayer, x: Values, parameters: Parameters): Values {
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2d(placed, placed.layer, x, parameters)
    case 'maxpool2d':
      return maxpool2d(placed, placed.layer.size, x)
    case 'relu':
      return x.map((value) => Math.max(0, value))
    case 'dense':
      return dense(placed, x, parameters)
    case 'etf':
      return etf(placed, parameters.get(`${placed.name}.scale`)?.[0] ?? placed.layer.scale, x)
    case 'flatten':
    case 'dropout':
      return x
  }
}

function conv2d(
  { name, input, output }: PlacedLayer,
  { kernel, padding }: { kernel: number; padding: 'same' | 'valid' },
  x: Values,
  parameters: Parameters,
): Values {
  const [channels, rows, cols] = input as [number, number, number]
  const [filters, outRows, outCols] = output as [number, number, number]
  const weight = parameters.get(`${name}.weight`)!
  const bias = parameters.get(`${name}.bias`)!
  const before = padding === 'same' ? Math.floor((kernel - 1) / 2) : 0
  const out = new Float64Array(filters * outRows * outCols)
  let at = 0
  for (let f = 0; f < filters; f++) {
    for (let r = 0; r < outRows; r++) {
      for (let c = 0; c < outCols; c++) {
        let sum = bias[f]!
        for (let channel = 0; channel < channels; channel++) {
          for (let kr = Math.max(0, before - r); kr < kernel && r + kr - before < rows; kr++) {
            for (let kc = Math.max(0, before - c); kc < kernel && c + kc - before < cols; kc++) {
              const tap = weight[((f * channels + channel) * kernel + kr) * kernel + kc]!
              sum += tap * x[(channel * rows + r + kr - before) * cols + c + kc - before]!
            }
          }
        }
        out[at++] = sum
      }
    }
  }
  return out
}

function maxpool2d({ input, output }: PlacedLayer, size: number, x: Values): Values {
  const [, rows, cols] = input as [number, number, number]
  const [channels, outRows, outCols] = output as [number, number, number]
  const out = new Float64Array(channels * outRows * outCols).fill(Number.NEGATIVE_INFINITY)
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < outRows * size; row++) {
      for (let col = 0; col < outCols * size; col++) {
        const to = (c * outRows + Math.floor(row / size)) * outCols + Math.floor(col / size)
        out[to] = Math.max(out[to]!, x[(c * rows + row) * cols + col]!)
      }
    }
  }
  return out
}

function dense({ name, output }: PlacedLayer, x: Values, parameters: Parameters): Values {
  const weight = parameters.get(`${name}.weight`)!
  const bias = parameters.get(`${name}.bias`)!
  return Float64Array.from({ length: output[0]! }, (_, unit) => {
    let sum = bias[unit]!
    for (let i = 0; i < x.length; i++) sum += weight[unit * x.length + i]! * x[i]!
    return sum
  })
}

/** s · cos of the angle between x and each vertex of the simplex, in the plane of the first discrete cosines. */
function etf({ output }: PlacedLayer, scale: number, x: Values): Values {
  const classes = output[0]!
  const along = Array.from({ length: classes }, (_, k) => {
    const norm = Math.sqrt((k === 0 ? 1 : 2) / x.length)
    return x.reduce((sum, value, i) => sum + value * norm * Math.cos((Math.PI * (2 * i + 1) * k) / (2 * x.length)), 0)
  })
  const mean = along.reduce((sum, value) => sum + value, 0) / classes
  const length = Math.hypot(...x)
  return Float64Array.from(along, (value) => (scale * Math.sqrt(classes / (classes - 1)) * (value - mean)) / length)
}

/** Cross-entropy of each image, in nats. */
export function crossEntropies(logits: ArrayLike<number>, labels: readonly number[]): number[] {
  const classes = logits.length / labels.length
  return labels.map((label, n) => {
    const row = Array.from({ length: classes }, (_, c) => logits[n * classes + c]!)
    const largest = Math.max(...row)
    return Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest - row[label]!
  })
}

/** Mean cross-entropy of the batch. */
export function float64Loss(
  model: Model,
  x: ArrayLike<number>,
  labels: readonly number[],
  parameters: Parameters,
): number {
  const losses = crossEntropies(float64Forward(model, x, parameters), labels)
  return losses.reduce((a, b) => a + b, 0) / losses.length
}
