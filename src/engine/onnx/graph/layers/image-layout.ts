import type { Graph } from '../graph.ts'

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

/**
 * How the numbers of a batch of images lie in memory, with everything about it that the emission of a layer needs to
 * know. To the graph, images are [N, channels, rows, cols] in either layout.
 */
export interface ImageLayout {
  readonly name: 'standard' | 'blocked'
  toStandard(x: string, channels: number): string
  fromStandard(x: string): string
  conv(x: string, kernels: string, attributes: ConvAttributes, bias?: string, relu?: boolean): string
  /** For inference, where nothing has to find its way back. */
  maxPool(x: string, size: number): string
  /** Kernels for the way back: filters and channels exchanged, rows and columns from the last to the first. */
  flippedKernels(kernels: string, shape: KernelShape): string
  /** Gradient of a convolution's kernels from its images and the gradient of its output, both in this layout. */
  kernelGradient(x: string, input: ImageShape, dz: string, output: ImageShape, size: KernelSize): string
  /** Every `step`-th row and column from `from` to before `to`. */
  slice(x: string, shape: ImageShape, from: Position, to: Position, step?: number): string
  /** The size*size pool positions (row-major) interleaved into images of `shape`; what no window covers is 0. */
  unpool(parts: readonly string[], shape: ImageShape, size: number): string
  /** [channels]: sums over images, rows and columns. */
  channelSums(x: string, shape: ImageShape): string
}

/** [N, C, H, W] in this order: every device understands it. */
export function standardLayout(g: Graph): ImageLayout {
  return {
    name: 'standard',
    toStandard: (x) => x,
    fromStandard: (x) => x,
    conv(x, kernels, attributes, bias, relu) {
      const out = g.op('Conv', bias ? [x, kernels, bias] : [x, kernels], { ...attributes })
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
      const result = g.op('Conv', operands, {
        kernel_shape: [outRows, outCols],
        dilations: [1, channels],
        pads: [before, before * channels, after, after * channels],
      })
      const tapsFirst = g.reshape(result, filters, kernel * kernel, channels)
      return g.reshape(g.transpose(tapsFirst, 0, 2, 1), filters, channels, kernel, kernel)
    },
    slice: (x, _, from, to, step = 1) =>
      g.op('Slice', [x, g.ints(...from), g.ints(...to), g.ints(2, 3), g.ints(step, step)]),
    unpool(parts, [, rows, cols], size) {
      const image = g.op('DepthToSpace', [g.op('Concat', parts, { axis: 1 })], { blocksize: size, mode: 'DCR' })
      const [below, beside] = [rows % size, cols % size]
      return below || beside ? g.op('Pad', [image, g.ints(0, 0, 0, 0, 0, 0, below, beside)]) : image
    },
    channelSums: (x) => g.reduceSum(x, 0, 2, 3),
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
