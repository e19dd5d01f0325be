import { FedunifyError } from '../errors.ts'
import type { Layer } from './layers.ts'

/** Shape of one image or activation without the batch axis: [channels, rows, cols] or [features]. */
export type Shape = readonly number[]

export interface Parameter {
  readonly name: string
  /** conv2d weight [filters, channels, kernel, kernel]; dense weight [units, features]; bias [filters or units]; etf scale [1]. */
  readonly shape: Shape
  /** Number of inputs that one output sums over; scales the initial values. */
  readonly fanIn: number
  /** What each of its values begins with, if they are not drawn. */
  readonly initial?: number
}

/** A layer with its name and its inferred shapes. */
export interface PlacedLayer<L extends Layer = Layer> {
  readonly name: string
  readonly layer: L
  readonly input: Shape
  readonly output: Shape
  readonly parameters: readonly Parameter[]
}

export interface Model {
  readonly input: readonly [channels: number, rows: number, cols: number]
  readonly classes: number
  readonly layers: readonly PlacedLayer[]
  readonly parameters: readonly Parameter[]
}

/**
 * Rows (and columns) of zeros that a convolution puts before an image. Of an even kernel the odd one comes after it, as in
 * TensorFlow.
 */
export const zerosBefore = ({ kernel, padding }: Extract<Layer, { type: 'conv2d' }>): number =>
  padding === 'same' ? Math.floor((kernel - 1) / 2) : 0

export const sizeOf = (shape: Shape): number => shape.reduce((product, dim) => product * dim, 1)
export const parameterCount = ({ parameters }: { readonly parameters: readonly { readonly shape: Shape }[] }): number =>
  parameters.reduce((n, p) => n + sizeOf(p.shape), 0)

/**
 * Infers the shape of every layer.
 * @param image the shape of an example; engines have images so far, of [channels, rows, cols]
 * @throws FedunifyError (usage) that names the first layer which does not fit, or a last layer that is not [classes].
 */
export function buildModel(layers: readonly Layer[], image: Shape, classes: number): Model {
  const [channels, rows, cols] = image
  if (channels === undefined || rows === undefined || cols === undefined) {
    throw new FedunifyError('E_MODEL', `models are of images, but the data has ${describe(image)} each`)
  }
  const input = [channels, rows, cols] as const
  const placed: PlacedLayer[] = []
  const seen = new Map<string, number>()
  let shape: Shape = input
  for (const [index, layer] of layers.entries()) {
    const stem = layer.type.replace(/2d$/, '')
    const nth = (seen.get(stem) ?? 0) + 1
    seen.set(stem, nth)
    const next = place(layer, `${stem}${nth}`, shape, index + 1, classes)
    if (layer.type === 'etf' && index < layers.length - 1) {
      const message = `layer ${index + 1} (etf) is not the last one, but its outputs are the logits`
      throw new FedunifyError('E_MODEL', message, 'put it at the end of the layers')
    }
    placed.push(next)
    shape = next.output
  }
  if (shape.length !== 1 || shape[0] !== classes) {
    const last = layers.at(-1)
    throw new FedunifyError(
      'E_MODEL',
      `the model ends with ${last ? `layer ${layers.length} (${last.type}) of ${describe(shape)}` : 'no layer'}, but the data has ${classes} classes`,
      `let the last layer be { type: dense, units: ${classes} }`,
    )
  }
  return { input, classes, layers: placed, parameters: placed.flatMap((p) => p.parameters) }
}

function place(layer: Layer, name: string, input: Shape, position: number, classes: number): PlacedLayer {
  const refuse = (why: string, hint: string) =>
    new FedunifyError('E_MODEL', `layer ${position} (${layer.type}) ${why}`, hint)
  const image = (): readonly [number, number, number] => {
    const [channels, rows, cols] = input
    if (channels === undefined || rows === undefined || cols === undefined) {
      throw refuse(`needs an image, got ${describe(input)}`, 'put it before the flatten layer')
    }
    return [channels, rows, cols]
  }
  const flat = (): number => {
    const [features, ...rest] = input
    if (features !== undefined && rest.length === 0) return features
    throw refuse(`needs a flat input, got ${describe(input)}`, 'put a flatten layer before it')
  }
  const done = (output: Shape, parameters: Parameter[] = []): PlacedLayer => ({
    name,
    layer,
    input,
    output,
    parameters,
  })

  switch (layer.type) {
    case 'conv2d': {
      const [channels, rows, cols] = image()
      const { filters, kernel } = layer
      const lost = layer.padding === 'same' ? 0 : kernel - 1
      if (rows <= lost || cols <= lost) {
        throw refuse(
          `has a ${kernel}x${kernel} kernel on an image of ${rows}x${cols}`,
          'use a smaller kernel, fewer pools or padding: same',
        )
      }
      const fanIn = channels * kernel * kernel
      return done(
        [filters, rows - lost, cols - lost],
        [
          { name: `${name}.weight`, shape: [filters, channels, kernel, kernel], fanIn },
          { name: `${name}.bias`, shape: [filters], fanIn },
        ],
      )
    }
    case 'maxpool2d': {
      const [channels, rows, cols] = image()
      const pooled = [channels, Math.floor(rows / layer.size), Math.floor(cols / layer.size)]
      if (pooled.includes(0)) throw refuse(`pools ${layer.size}x${layer.size} of ${rows}x${cols}`, 'use fewer pools')
      return done(pooled)
    }
    case 'flatten':
      return done([sizeOf(input)])
    case 'dense': {
      const features = flat()
      return done(
        [layer.units],
        [
          { name: `${name}.weight`, shape: [layer.units, features], fanIn: features },
          { name: `${name}.bias`, shape: [layer.units], fanIn: features },
        ],
      )
    }
    case 'etf': {
      const features = flat()
      if (classes < 2 || features < classes) {
        const why = `has ${features} features for ${classes} classes: so many directions, all as far apart as they can be, do not fit`
        throw refuse(why, `put { type: dense, units: ${Math.max(classes, 2)} } or a wider one before it`)
      }
      return done([classes], layer.learn ? [{ name: `${name}.scale`, shape: [1], fanIn: 1, initial: layer.scale }] : [])
    }
    case 'relu':
    case 'dropout':
      return done(input)
  }
}

const describe = (shape: Shape): string => (shape.length === 1 ? `${shape[0]} values` : shape.join('x'))
