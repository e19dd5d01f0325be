import type { Graph } from '../graph.ts'

/** One image: channels, rows, columns. */
export type ImageShape = readonly [channels: number, rows: number, cols: number]

type Position = readonly [row: number, col: number]

/**
 * How the numbers of a batch of images lie in memory, with everything about it that the emission of a layer needs to
 * know. To the graph, images are [N, channels, rows, cols] in either layout.
 */
export interface ImageLayout {
  readonly name: 'standard' | 'blocked'
  /** [filters, channels, k, k] as `conv` takes it; `plainInput` where its images are in the standard layout. */
  kernels(weight: string, filters: number, channels: number, kernel: number, plainInput?: boolean): string
  conv(x: string, kernels: string, bias: string | undefined, attributes: Record<string, number[]>): string
  /** Every `step`-th row and column from `from` to before `to`. */
  slice(x: string, shape: ImageShape, from: Position, to: Position, step?: number): string
  /** The size*size pool positions (row-major) interleaved into images of `shape`; what no window covers is 0. */
  unpool(parts: readonly string[], shape: ImageShape, size: number): string
  /** [channels]: sums over images, rows and columns. */
  channelSums(x: string, channels: number): string
  /** [1, N, rows, cols * channels] */
  channelsLast(x: string, shape: ImageShape): string
  /** [channels, N, rows, cols] */
  channelsFirst(x: string, shape: ImageShape): string
  /** Σ of x [N, channels, rows, cols] times columns [N, taps, rows, cols] over images and pixels: [channels, taps]. */
  correlate(x: string, channels: number, columns: string, taps: number): string
}

/** [N, C, H, W] in this order: every device understands it. */
export function standardLayout(g: Graph): ImageLayout {
  return {
    name: 'standard',
    kernels: (weight) => weight,
    conv: (x, kernels, bias, attributes) => g.op('Conv', bias ? [x, kernels, bias] : [x, kernels], attributes),
    slice: (x, _, from, to, step = 1) =>
      g.op('Slice', [x, g.ints(...from), g.ints(...to), g.ints(2, 3), g.ints(step, step)]),
    unpool(parts, [, rows, cols], size) {
      const image = g.op('DepthToSpace', [g.op('Concat', parts, { axis: 1 })], { blocksize: size, mode: 'DCR' })
      const [below, beside] = [rows % size, cols % size]
      return below || beside ? g.op('Pad', [image, g.ints(0, 0, 0, 0, 0, 0, below, beside)]) : image
    },
    channelSums: (x) => g.reduceSum(x, 0, 2, 3),
    channelsLast: (x, [channels, rows, cols]) =>
      g.reshape(g.transpose(g.reshape(x, -1, channels, rows * cols), 0, 2, 1), 1, -1, rows, cols * channels),
    channelsFirst: (x, [channels, rows, cols]) =>
      g.reshape(g.transpose(g.reshape(x, -1, channels, rows * cols), 1, 0, 2), channels, -1, rows, cols),
    correlate(x, channels, columns, taps) {
      const [pixels, cols] = [g.reshape(x, 0, channels, -1), g.reshape(columns, 0, taps, -1)]
      return g.reduceSum(g.op('MatMul', [pixels, g.transpose(cols, 0, 2, 1)]), 0)
    },
  }
}

/**
 * [N, C/B, H, W, B]: the B channels that fill one vector register lie side by side. The runtime's own convolutions for
 * this order are almost twice as fast, but it applies them by itself only where weights are constants, and in training
 * they are not. Channels are multiples of B. `nchwc` is the runtime's internal domain: hence the self-check.
 */
export function blockedLayout(g: Graph, block: number): ImageLayout {
  const five = (x: string, [channels, rows, cols]: ImageShape) => g.reshape(x, -1, channels / block, rows, cols, block)
  const plain = standardLayout(g)
  return {
    name: 'blocked',
    // [filters/B, channels/B, k, k, B of channels, B of filters]; from plain images [filters/B, channels, k, k, B].
    kernels(weight, filters, channels, kernel, plainInput = false) {
      const taps = kernel * kernel
      const arranged = plainInput
        ? g.transpose(g.reshape(weight, filters / block, block, channels * taps), 0, 2, 1)
        : g.transpose(g.reshape(weight, filters / block, block, channels / block, block, taps), 0, 2, 4, 3, 1)
      return g.reshape(arranged, filters, channels, kernel, kernel)
    },
    conv: (x, kernels, bias, attributes) => g.nchwc('Conv', bias ? [x, kernels, bias] : [x, kernels], attributes),
    slice(x, shape, from, to, step = 1) {
      const axes = [g.ints(...from), g.ints(...to), g.ints(2, 3), g.ints(step, step)]
      const length = (axis: 0 | 1) => Math.ceil((to[axis] - from[axis]) / step)
      return g.reshape(g.op('Slice', [five(x, shape), ...axes]), -1, shape[0], length(0), length(1))
    },
    unpool(parts, [channels, rows, cols], size) {
      const [below, beside] = [rows % size, cols % size]
      const covered: ImageShape = [channels, rows - below, cols - beside]
      const width = covered[2] / size
      const lines = Array.from({ length: size }, (_, i) => {
        const line = parts.slice(i * size, (i + 1) * size).map((part) => g.reshape(part, -1, width, 1, block))
        return g.reshape(g.op('Concat', line, { axis: 2 }), -1, 1, covered[2] * block)
      })
      const image = g.op('Concat', lines, { axis: 1 })
      const padded = () => g.op('Pad', [five(image, covered), g.ints(0, 0, 0, 0, 0, 0, 0, below, beside, 0)])
      return g.reshape(below || beside ? padded() : image, -1, channels, rows, cols)
    },
    channelSums: (x, channels) =>
      g.reshape(g.reduceSum(g.reduceSum(g.reshape(x, 0, channels / block, -1, block), 0), 1), channels),
    channelsLast: (x, [channels, rows, cols]) =>
      g.reshape(g.nchwc('ReorderOutput', [x], { channels, channels_last: 1 }), 1, -1, rows, cols * channels),
    channelsFirst: (x, shape) => plain.channelsFirst(g.nchwc('ReorderOutput', [x], { channels: shape[0] }), shape),
    correlate(x, channels, columns, taps) {
      const [pixels, cols] = [g.reshape(x, 0, channels / block, -1, block), g.reshape(columns, 0, 1, taps, -1)]
      const sums = g.reduceSum(g.op('MatMul', [cols, pixels]), 0)
      return g.reshape(g.transpose(sums, 0, 2, 1), channels, taps)
    },
  }
}
