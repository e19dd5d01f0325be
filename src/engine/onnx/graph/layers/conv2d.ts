import type { Layer } from '../../../../model/layers.ts'
import type { PlacedLayer } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import type { BlockedLayout } from './blocked-layout.ts'
import type { ConvAttributes, ImageLayout, ImageShape } from './image-layout.ts'
import { maxChain } from './max-chain.ts'
import { type ParameterNames, type Pass, plainGradient, sumOfSquares } from './pass.ts'

export type Conv2d = PlacedLayer<Extract<Layer, { type: 'conv2d' }>>

interface Sizes {
  readonly input: ImageShape
  readonly output: ImageShape
  readonly channels: number
  readonly filters: number
  readonly kernel: number
  /** Zero rows (and columns) before and after the image; an even kernel puts the odd one after, as TensorFlow does. */
  readonly before: number
  readonly after: number
}

function sizes({ layer, input, output }: Conv2d): Sizes {
  const { kernel, filters, padding } = layer
  const before = padding === 'same' ? Math.floor((kernel - 1) / 2) : 0
  const after = padding === 'same' ? kernel - 1 - before : 0
  const shapes = { input: input as ImageShape, output: output as ImageShape }
  return { ...shapes, channels: shapes.input[0], filters, kernel, before, after }
}

/** Convolution with the ReLU and the max-pool that follow it, for inference. */
export function conv2dForward(placed: Conv2d, x: string, p: ParameterNames, { output, relu, pool }: ConvStep): string {
  const { channels, kernel, before, after } = sizes(placed)
  const attributes = { kernel_shape: [kernel, kernel], pads: [before, before, after, after] } as const
  const bias = p.get(`${placed.name}.bias`)!
  const out = output.conv(x, p.get(`${placed.name}.weight`)!, channels, attributes, { bias, relu })
  return pool === 1 ? out : output.maxPool(out, pool)
}

/** How a convolution is emitted. */
export interface ConvStep {
  /** Size of the max-pool that it takes along; 1: none. */
  readonly pool: number
  readonly relu: boolean
  /** The layouts of its images on their way in and out. */
  readonly input: ImageLayout
  readonly output: ImageLayout
}

/**
 * Convolution with the ReLU and the max-pool that follow it, for training. The pool is emitted as one strided
 * convolution for each of its positions and a maximum over them: the same arithmetic, but the pool and its gradient
 * become cheap elementwise work (MaxPool with indices and MaxUnpool cost more than the convolution).
 */
export function conv2d(g: Graph, placed: Conv2d, x: string, p: ParameterNames, step: ConvStep): Pass {
  const { pool, relu, input, output } = step
  const s = sizes(placed)
  const [weight, bias] = [p.get(`${placed.name}.weight`)!, p.get(`${placed.name}.bias`)!]
  const pooled: ImageShape = [s.filters, Math.floor(s.output[1] / pool), Math.floor(s.output[2] / pool)]
  const positions = Array.from({ length: pool * pool }, (_, i) => [Math.floor(i / pool), i % pool] as const)
  const views = positions.map((position) => view(input, x, s, pool, position, s.kernel))
  const max = maxChain(
    g,
    views.map(({ x, attributes }) => output.conv(x, weight, s.channels, attributes, { bias, relu })),
  )
  const throughRelu = (dOut: string) => (relu ? g.wherePositive(max.out, dOut) : dOut)
  const back = (dWeight: string, dBias: () => string, dz: string | undefined, wantInput: boolean) => ({
    ...(dz && wantInput && { dIn: inputGradient(s, weight, dz, output) }),
    gradients: new Map([
      [`${placed.name}.weight`, plainGradient(g, dWeight)],
      [`${placed.name}.bias`, plainGradient(g, dBias())],
    ]),
  })
  return {
    out: max.out,
    // In the standard layout.
    squares({ name: dOut, rows }, wantInput) {
      const dMax = throughRelu(dOut)
      const parts = max.backward(dMax)
      const dz = pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool)
      // The rows are filters on one image, so that each has kernels of its own.
      const many = { ...s, output: [rows * s.filters, s.output[1], s.output[2]] as const }
      const all = kernelGradient(many, x, g.reshape(dz, 1, ...many.output), step)
      const kernels = g.reshape(all, rows, s.filters, s.channels, s.kernel, s.kernel)
      return back(sumOfSquares(g, kernels), () => sumOfSquares(g, g.reduceSum(dMax, 2, 3)), dz, wantInput)
    },
    backward(dOut, wantInput) {
      const dMax = throughRelu(dOut)
      const result = (dWeight: string, dz?: string) =>
        back(dWeight, () => output.channelSums(dMax, pooled), dz, wantInput)
      if (isBlocked(output) && input.name === 'standard') {
        return result(viewsGradient(g, s, views, max.reached(dMax), output, pooled, pool))
      }
      const parts = max.backward(dMax)
      // The kernel as a matrix has channels * kernel² columns: few of them fit an im2col, many the long convolution.
      const few = s.channels * s.kernel * s.kernel <= 32 && input.name === 'standard'
      const whole = () => (pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool))
      const dz = few && !wantInput ? undefined : whole()
      return result(few ? im2colGradient(g, s, x, parts, positions, step) : kernelGradient(s, x, dz!, step), dz)
    },
  }
}

const isBlocked = (layout: ImageLayout): layout is BlockedLayout => layout.name === 'blocked'

interface View {
  readonly x: string
  readonly attributes: ConvAttributes
}

/** What a kernel sees when it is at one position of every pool window: the image and the attributes. */
function view(
  layout: ImageLayout,
  x: string,
  s: Sizes,
  pool: number,
  position: readonly [row: number, col: number],
  kernel: number,
): View {
  const axis = (at: number, length: number, out: number) => {
    const before = s.before - at
    const after = (Math.floor(out / pool) - 1) * pool + kernel - length - before
    // A negative pad means that the image's edge is not seen from here: cut it off.
    return {
      pads: [Math.max(0, before), Math.max(0, after)],
      from: Math.max(0, -before),
      to: length - Math.max(0, -after),
    }
  }
  const [, rows, cols] = s.input
  const [r, c] = [axis(position[0], rows, s.output[1]), axis(position[1], cols, s.output[2])]
  const whole = r.from === 0 && c.from === 0 && r.to === rows && c.to === cols
  return {
    x: whole ? x : layout.slice(x, s.input, [r.from, c.from], [r.to, c.to]),
    attributes: {
      kernel_shape: [kernel, kernel],
      strides: [pool, pool],
      pads: [r.pads[0]!, c.pads[0]!, r.pads[1]!, c.pads[1]!],
    },
  }
}

/** dX = dZ convolved with the flipped kernels, their channels and filters exchanged. */
function inputGradient(s: Sizes, weight: string, dz: string, layout: ImageLayout): string {
  const [before, after] = [s.kernel - 1 - s.before, s.kernel - 1 - s.after]
  return layout.conv(dz, layout.flippedKernels(weight, [s.filters, s.channels, s.kernel]), s.filters, {
    kernel_shape: [s.kernel, s.kernel],
    pads: [before, before, after, after],
  })
}

function kernelGradient(s: Sizes, x: string, dz: string, { input, output }: ConvStep): string {
  const same = input.name === output.name ? dz : output.toStandard(dz, s.filters)
  return input.kernelGradient(x, s.input, same, s.output, s)
}

/**
 * dW of a first layer, from what its kernels saw at each pool position. With dz_k = reached_k - reached_(k+1), the sum
 * over all positions k of (view_k, dz_k) is that of (view_k - view_(k-1), reached_k): the images are small, and no dz
 * has to be made.
 */
function viewsGradient(
  g: Graph,
  s: Sizes,
  views: readonly View[],
  reached: readonly string[],
  layout: BlockedLayout,
  output: ImageShape,
  pool: number,
): string {
  const side = (length: number) => (length - 1) * pool + s.kernel
  const seen: ImageShape = [s.channels, side(output[1]), side(output[2])]
  const images = views.map(({ x, attributes: { pads } }) =>
    g.op('Pad', [x, g.ints(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3])]),
  )
  const parts = images.map((image, k) => {
    const news = k === 0 ? image : g.op('Sub', [image, images[k - 1]!])
    return layout.plainKernelGradient(news, seen, reached[k]!, output, s.kernel, pool)
  })
  return parts.reduce((a, b) => g.op('Add', [a, b]))
}

/**
 * dW as dZ times the input's im2col, summed over images and pool positions. im2col is a convolution with the identity:
 * one that sees what all positions of a pool window see together, of which each position then takes its own columns.
 */
function im2colGradient(
  g: Graph,
  s: Sizes,
  x: string,
  parts: readonly string[],
  positions: readonly (readonly [number, number])[],
  { pool, input }: ConvStep,
): string {
  const side = s.kernel + pool - 1
  const columns = s.channels * side * side
  const identity = new Float32Array(columns * columns)
  for (let i = 0; i < columns; i++) identity[i * columns + i] = 1
  const pick = g.constant('float32', [columns, s.channels, side, side], identity)
  const seen = view(input, x, s, pool, [0, 0], side)
  const im2col = input.conv(seen.x, pick, s.channels, seen.attributes)
  const byPixel = g.transpose(g.reshape(im2col, 0, columns, -1), 0, 2, 1)
  const sums = positions.map(([row, col], i) => {
    const products = g.op('MatMul', [g.reshape(parts[i]!, 0, s.filters, -1), byPixel])
    const all = g.reshape(g.reduceSum(products, 0), s.filters, s.channels, side, side)
    if (pool === 1) return all
    return g.op('Slice', [all, g.ints(row, col), g.ints(row + s.kernel, col + s.kernel), g.ints(2, 3)])
  })
  return sums.reduce((a, b) => g.op('Add', [a, b]))
}
