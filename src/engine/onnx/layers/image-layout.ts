import { Graph } from '../graph.ts'

/** One image: channels, rows, columns. */
export type ImageShape = readonly [channels: number, rows: number, cols: number]
type KernelShape = readonly [filters: number, channels: number, kernel: number]
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
  /** Weights [filters, channels, k, k] as `conv` takes them; `plain` where its images are in the standard layout. */
  kernels(weight: string, shape: KernelShape, images?: 'plain'): string
  /** The same weights for the way back: filters and channels exchanged, rows and columns from the last to the first. */
  flippedKernels(weight: string, shape: KernelShape): string
  conv(x: string, kernels: string, attributes: ConvAttributes, bias?: string, relu?: boolean): string
  /** Gradient of a convolution's weights from its images and the gradient of its output, both in this layout. */
  kernelGradient(x: string, input: ImageShape, dz: string, output: ImageShape, size: KernelSize): string
  /** Every `step`-th row and column from `from` to before `to`. */
  slice(x: string, shape: ImageShape, from: Position, to: Position, step?: number): string
  /** The size*size pool positions (row-major) interleaved into images of `shape`; what no window covers is 0. */
  unpool(parts: readonly string[], shape: ImageShape, size: number): string
  /** [channels]: sums over images, rows and columns. */
  channelSums(x: string, channels: number): string
  /** Σ of x [N, channels, rows, cols] times standard y [N, others, rows, cols] over images and pixels: [channels, others]. */
  correlate(x: string, channels: number, y: string, others: number): string
}

/** [N, C, H, W] in this order: every device understands it. */
export function standardLayout(g: Graph): ImageLayout {
  return {
    name: 'standard',
    toStandard: (x) => x,
    fromStandard: (x) => x,
    kernels: (weight) => weight,
    flippedKernels(weight, [filters, channels, kernel]) {
      const taps = kernel * kernel
      const flipped = g.op('Gather', [g.reshape(weight, filters, channels, taps), lastToFirst(g, taps)], { axis: 2 })
      return g.reshape(g.transpose(flipped, 1, 0, 2), channels, filters, kernel, kernel)
    },
    conv(x, kernels, attributes, bias, relu) {
      const out = g.op('Conv', bias ? [x, kernels, bias] : [x, kernels], { ...attributes })
      return relu ? g.op('Relu', [out]) : out
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
    correlate(x, channels, y, others) {
      const [xs, ys] = [g.reshape(x, 0, channels, -1), g.reshape(y, 0, others, -1)]
      return g.reduceSum(g.op('MatMul', [xs, g.transpose(ys, 0, 2, 1)]), 0)
    },
  }
}

/**
 * [N, C/B, H, W, B]: the B channels that fill one vector register lie side by side. The runtime's own convolutions for
 * this order are almost twice as fast, but it applies them by itself only where weights are constants, and in training
 * they are not. Channels are multiples of B.
 */
export function blockedLayout(g: Graph, block: number): ImageLayout {
  const five = (x: string, [channels, rows, cols]: ImageShape) => g.reshape(x, -1, channels / block, rows, cols, block)
  return {
    name: 'blocked',
    toStandard: (x, channels) => g.nchwc('ReorderOutput', [x], { channels }),
    fromStandard: (x) => g.nchwc('ReorderInput', [x], {}),
    // [filters/B, channels/B, k, k, B of channels, B of filters]; for plain images [filters/B, channels, k, k, B].
    kernels(weight, [filters, channels, kernel], images) {
      const taps = kernel * kernel
      const arranged =
        images === 'plain'
          ? g.transpose(g.reshape(weight, filters / block, block, channels * taps), 0, 2, 1)
          : g.transpose(g.reshape(weight, filters / block, block, channels / block, block, taps), 0, 2, 4, 3, 1)
      return g.reshape(arranged, filters, channels, kernel, kernel)
    },
    flippedKernels(weight, [filters, channels, kernel]) {
      const taps = kernel * kernel
      const apart = g.reshape(weight, filters / block, block, channels / block, block, taps)
      const flipped = g.op('Gather', [g.transpose(apart, 2, 0, 4, 1, 3), lastToFirst(g, taps)], { axis: 2 })
      return g.reshape(flipped, channels, filters, kernel, kernel)
    },
    conv: (x, kernels, attributes, bias, relu) =>
      g.nchwc('Conv', bias ? [x, kernels, bias] : [x, kernels], { ...attributes, ...(relu && { activation: 'Relu' }) }),
    // As in the standard layout, but with blocks of N: each block of channels is an image of N channels, H rows and W*B
    // values, and dz has dilation B. The last batch may need images of zeros to fill its blocks; they add nothing.
    kernelGradient(x, input, dz, output, size) {
      const count = g.op('Gather', [g.op('Shape', [x]), g.ints(0)], { axis: 0 })
      const missing = g.op('Mod', [g.op('Neg', [count]), g.ints(block)])
      const branch = (name: string, filled: boolean) => {
        const b = new Graph(name, g)
        const fill = (images: string) => (filled ? fillBatch(b, images, missing) : images)
        b.output(blockedKernelGradient(b, block, fill(x), input, fill(dz), output, size), 'float32', [])
        return b
      }
      const full = g.reshape(g.op('Equal', [missing, g.ints(0)]))
      return g.op('If', [full], { then_branch: branch('full', false), else_branch: branch('filled', true) })
    },
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
    correlate(x, channels, y, others) {
      const [xs, ys] = [g.reshape(x, 0, channels / block, -1, block), g.reshape(y, 0, 1, others, -1)]
      const sums = g.reduceSum(g.op('MatMul', [ys, xs]), 0)
      return g.reshape(g.transpose(sums, 0, 2, 1), channels, others)
    },
  }
}

/** `missing` (int64 [1]) images of zeros at the end of the batch. */
function fillBatch(g: Graph, images: string, missing: string): string {
  const pads = g.op('Concat', [g.ints(0, 0, 0, 0), missing, g.ints(0, 0, 0)], { axis: 0 })
  return g.op('Pad', [images, pads])
}

function blockedKernelGradient(
  g: Graph,
  block: number,
  x: string,
  [channels, rows, cols]: ImageShape,
  dz: string,
  [filters, outRows, outCols]: ImageShape,
  { kernel, before, after }: KernelSize,
): string {
  const pads = g.ints(0, 0, before, before, 0, 0, 0, after, after, 0)
  const apart = g.reshape(x, -1, channels / block, rows, cols, block)
  const padded = before + after === 0 ? apart : g.op('Pad', [apart, pads])
  const wide = g.reshape(padded, -1, channels / block, rows + before + after, (cols + before + after) * block)
  const images = g.nchwc('ReorderInput', [g.transpose(wide, 1, 0, 2, 3)], {})
  const dz5 = g.reshape(dz, -1, block, filters / block, outRows * outCols, block)
  const kernels = g.reshape(g.transpose(dz5, 2, 0, 3, 1, 4), filters, -1, outRows, outCols)
  const result = g.nchwc('Conv', [images, kernels], {
    kernel_shape: [outRows, outCols],
    dilations: [1, block],
    pads: [0, 0, 0, 0],
  })
  const apartAgain = g.reshape(result, channels / block, filters / block, kernel * kernel, block, block)
  return g.reshape(g.transpose(apartAgain, 1, 4, 0, 3, 2), filters, channels, kernel, kernel)
}

const lastToFirst = (g: Graph, length: number) =>
  g.constant(
    'int64',
    [length],
    Array.from({ length }, (_, i) => length - 1 - i),
  )
