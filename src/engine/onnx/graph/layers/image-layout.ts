import type { Graph } from '../graph.ts'
import { fillChannels, missingChannels, type WebGpu } from './fill-channels.ts'

/** One image: channels, rows, columns. */
export type ImageShape = readonly [channels: number, rows: number, cols: number]
export type KernelShape = readonly [filters: number, channels: number, kernel: number]
type Position = readonly [row: number, col: number]

/** Rows (and columns) of a kernel, and of the zeros that it sees before and after the image. */
export interface KernelSize {
  readonly kernel: number
  readonly before: number
  readonly after: number
}

export interface ConvAttributes {
  readonly kernel_shape: readonly [number, number]
  readonly strides?: readonly [number, number]
  readonly pads: readonly [number, number, number, number]
}

/** What a convolution adds to its output, and whether a ReLU follows. */
export interface ConvExtras {
  readonly bias?: string
  readonly relu?: boolean
}

/**
 * How the numbers of a batch of images lie in memory, with everything about it that the emission of a layer needs to
 * know. To the graph, images are [N, channels, rows, cols] in either layout.
 */
export interface ImageLayout {
  readonly name: 'standard' | 'blocked'
  toStandard(x: string, channels: number): string
  fromStandard(x: string): string
  /** Images of so many channels with kernels. */
  conv(x: string, kernels: string, channels: number, attributes: ConvAttributes, more?: ConvExtras): string
  /** For inference, in which nothing has to find its way back. */
  maxPool(x: string, size: number): string
  /** Kernels for the way back: filters and channels exchanged, rows and columns from the last to the first. */
  flippedKernels(kernels: string, shape: KernelShape): string
  /** Gradient of a convolution's kernels from its images and the gradient of its output, both in this layout. */
  kernelGradient(x: string, input: ImageShape, dz: string, output: ImageShape, size: KernelSize): string
  /** The same of every image by itself. */
  exampleKernels(x: string, input: ImageShape, dz: string, output: ImageShape, size: KernelSize): ExampleKernels
  /** Every `step`-th row and column from `from` to before `to`. */
  slice(x: string, shape: ImageShape, from: Position, to: Position, step?: number): string
  /** The size*size pool positions (row-major) interleaved into images of `shape`; what no window covers is 0. */
  unpool(parts: readonly string[], shape: ImageShape, size: number): string
  /** [channels]: sums over images, rows and columns. */
  channelSums(x: string, shape: ImageShape): string
  /** [N, channels]: sums over rows and columns. */
  exampleChannelSums(x: string, shape: ImageShape): string
}

/** Gradients of a convolution's kernels, image by image, in an order of their own. */
export interface ExampleKernels {
  /** [parts, N, values] */
  readonly each: string
  /** Kernels in this layout's order, of a sum over images [parts, values]. */
  kernels(sum: string): string
}

/**
 * [N, C, H, W] in this order: every device understands it.
 * @param webgpu if that is the device: its convolutions are kept off channels that they compute wrongly
 */
export function standardLayout(g: Graph, webgpu?: WebGpu): ImageLayout {
  const fill = (operands: readonly string[], missing: number) => operands.map((x) => fillChannels(g, x, missing))
  return {
    name: 'standard',
    toStandard: (x) => x,
    fromStandard: (x) => x,
    conv(x, kernels, channels, attributes, { bias, relu } = {}) {
      const operands = fill([x, kernels], webgpu ? missingChannels(channels) : 0)
      const out = g.op('Conv', bias ? [...operands, bias] : operands, { ...attributes })
      return relu ? g.op('Relu', [out]) : out
    },
    maxPool: (x, size) => g.op('MaxPool', [x], maxPoolAttributes(size)),
    flippedKernels(kernels, [filters, channels, kernel]) {
      const taps = kernel * kernel
      const flipped = g.op('Gather', [g.reshape(kernels, filters, channels, taps), lastToFirst(g, taps)], { axis: 2 })
      return g.reshape(g.transpose(flipped, 1, 0, 2), channels, filters, kernel, kernel)
    },
    // One convolution: the images in NHWC, seen as N channels of H rows of W*C values, and dz as kernels [F, N, H', W']
    // with dilation C along the rows, so that the output is [F, k, k*C].
    kernelGradient(x, [channels, rows, cols], dz, [filters, outRows, outCols], { kernel, before, after }) {
      const nhwc = g.transpose(g.reshape(x, -1, channels, rows * cols), 0, 2, 1)
      const fnhw = g.transpose(g.reshape(dz, -1, filters, outRows * outCols), 1, 0, 2)
      const operands = [g.reshape(nhwc, 1, -1, rows, cols * channels), g.reshape(fnhw, filters, -1, outRows, outCols)]
      const result = g.op('Conv', fill(operands, webgpu?.zeroImages ?? 0), {
        kernel_shape: [outRows, outCols],
        dilations: [1, channels],
        pads: [before, before * channels, after, after * channels],
      })
      const tapsFirst = g.reshape(result, filters, kernel * kernel, channels)
      return g.reshape(g.transpose(tapsFirst, 0, 2, 1), filters, channels, kernel, kernel)
    },
    // One matrix product for each image, [F, H'W'] by [H'W', k²C]: what every tap of the kernel sees, tap by tap.
    exampleKernels(x, [channels, rows, cols], dz, [filters, outRows, outCols], { kernel, before, after }) {
      const padded = before + after === 0 ? x : g.op('Pad', [x, g.ints(0, 0, before, before, 0, 0, after, after)])
      const taps = Array.from({ length: kernel * kernel }, (_, tap) => {
        const [row, col] = [Math.floor(tap / kernel), tap % kernel]
        const ends = [rows + before + after - kernel + 1 + row, cols + before + after - kernel + 1 + col] as const
        return g.op('Slice', [padded, g.ints(row, col), g.ints(...ends), g.ints(2, 3)])
      })
      const pixels = outRows * outCols
      const seen = g.reshape(g.op('Concat', taps, { axis: 1 }), -1, kernel * kernel * channels, pixels)
      const each = g.op('MatMul', [g.reshape(dz, -1, filters, pixels), g.transpose(seen, 0, 2, 1)])
      return {
        each: g.reshape(each, 1, -1, filters * kernel * kernel * channels),
        kernels(sum) {
          const tapsFirst = g.reshape(sum, filters, kernel * kernel, channels)
          return g.reshape(g.transpose(tapsFirst, 0, 2, 1), filters, channels, kernel, kernel)
        },
      }
    },
    slice: (x, _, from, to, step = 1) =>
      g.op('Slice', [x, g.ints(...from), g.ints(...to), g.ints(2, 3), g.ints(step, step)]),
    unpool(parts, [, rows, cols], size) {
      const image = g.op('DepthToSpace', [g.op('Concat', parts, { axis: 1 })], { blocksize: size, mode: 'DCR' })
      const [below, beside] = [rows % size, cols % size]
      return below || beside ? g.op('Pad', [image, g.ints(0, 0, 0, 0, 0, 0, below, beside)]) : image
    },
    channelSums: (x) => g.reduceSum(x, 0, 2, 3),
    exampleChannelSums: (x) => g.reduceSum(x, 2, 3),
  }
}

/** Images of so many channels, in another layout. */
export function reorder(x: string, from: ImageLayout, to: ImageLayout, channels: number): string {
  return to.fromStandard(from.toStandard(x, channels))
}

export const maxPoolAttributes = (size: number) => ({ kernel_shape: [size, size], strides: [size, size] })

/** For Gather: everything, backwards. */
export const lastToFirst = (g: Graph, length: number) =>
  g.constant(
    'int64',
    [length],
    Array.from({ length }, (_, i) => length - 1 - i),
  )
