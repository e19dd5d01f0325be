import type { Layer } from '../../../../model/layers.ts'
import { type PlacedLayer, zerosBefore } from '../../../../model/model.ts'
import type { ImageShape } from './image-layout.ts'

export type Conv2d = PlacedLayer<Extract<Layer, { type: 'conv2d' }>>

export interface Sizes {
  readonly input: ImageShape
  readonly output: ImageShape
  readonly channels: number
  readonly filters: number
  readonly kernel: number
  /** Zero rows (and columns) before and after the image. */
  readonly before: number
  readonly after: number
}

export function sizes({ layer, input, output }: Conv2d): Sizes {
  const { kernel, filters, padding } = layer
  const before = zerosBefore(layer)
  const after = padding === 'same' ? kernel - 1 - before : 0
  const shapes = { input: input as ImageShape, output: output as ImageShape }
  return { ...shapes, channels: shapes.input[0], filters, kernel, before, after }
}

/** The output's shape behind a pool of this size. */
export const pooledShape = ({ filters, output: [, rows, cols] }: Sizes, pool: number): ImageShape => [
  filters,
  Math.floor(rows / pool),
  Math.floor(cols / pool),
]
