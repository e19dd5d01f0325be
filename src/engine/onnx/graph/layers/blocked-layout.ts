import type { Graph } from '../graph.ts'
import {
  type ExampleKernels,
  type ImageLayout,
  type ImageShape,
  type KernelShape,
  type KernelSize,
  lastToFirst,
  maxPoolAttributes,
} from './image-layout.ts'

/** Channels of a block, and images of a batch where all have the same number. */
export interface Blocks {
  readonly block: number
  readonly batch?: number
}

/**
 * A batch's gradients of kernels are formed image by image and then summed, where so many numbers are not too many
 * to write: 8 MiB of them.
 */
const MOST_PER_IMAGE = 2 ** 21

/** Images whose zeros around are there already, `depth` channels of a pixel side by side in each of `planes`. */
interface Seen {
  /** [planes, N, rows, cols * depth] */
  readonly images: string
  readonly planes: number
  readonly depth: number
}

export interface BlockedLayout extends ImageLayout {
  /**
   * As `kernelGradient`, of a first layer: from images in the standard layout that have their zeros around them.
   * The kernels stood at every `step`-th row and column.
   */
  plainKernelGradient(
    x: string,
    input: ImageShape,
    dz: string,
    output: ImageShape,
    kernel: number,
    step: number,
  ): string
  /** The same of every image by itself. */
  plainExampleKernels(...given: Parameters<BlockedLayout['plainKernelGradient']>): ExampleKernels
}

/**
 * [N, C/B, H, W, B]: the B channels that fill one vector register lie side by side. The runtime's own convolutions for
 * this order are almost twice as fast, but it applies them by itself only if weights are constants, and in training
 * they are not. Channels are multiples of B, and kernels are in the order that `enterKernels` gives them.
 */
export function blockedLayout(g: Graph, { block, batch }: Blocks): BlockedLayout {
  const five = (x: string, [channels, rows, cols]: ImageShape) => g.reshape(x, -1, channels / block, rows, cols, block)
  const gradient = (seen: Seen, dz: string, [filters, rows, cols]: ImageShape, kernel: number, step: number) => {
    const { planes, depth } = seen
    const weights = filters * planes * depth * kernel * kernel
    const attributes = { kernel_shape: [rows, cols], dilations: [step, step * depth], pads: [0, 0, 0, 0] }
    const [images, dzs] = [fillBlocks(seen.images, 1), fillBlocks(dz, 0)]
    const count = batch && Math.ceil(batch / block) * block
    const sum = () => (count && weights * count <= MOST_PER_IMAGE ? g.reduceSum(byImage(count), 1) : byBlock())
    const kernels = (sums: string) => {
      const apart = g.reshape(sums, planes, filters / block, kernel * kernel, depth, block)
      return g.reshape(g.transpose(apart, 1, 0, 2, 3, 4), filters, planes * depth, kernel, kernel)
    }
    return { sum, kernels, each: () => byImage(count!) }

    // Every image is a group of the convolution, and its own dz are its kernels: nothing has to change its order.
    function byImage(count: number): string {
      const kernels = g.reshape(dzs, count * filters, 1, rows, cols)
      const each = g.nchwc('Conv', [images, kernels], { ...attributes, group: count })
      return g.reshape(each, planes, count, filters * kernel * kernel * depth)
    }

    // As in the standard layout, but with blocks of N: each plane is an image of N channels, and dz has dilation B.
    function byBlock(): string {
      const dz5 = g.reshape(dzs, -1, block, filters / block, rows * cols, block)
      const kernels = g.reshape(g.transpose(dz5, 2, 0, 3, 1, 4), filters, -1, rows, cols)
      return g.nchwc('Conv', [g.nchwc('ReorderInput', [images], {}), kernels], attributes)
    }
  }
  /** Images of zeros at the end of a batch that does not fill its blocks; they add nothing. */
  const fillBlocks = (x: string, axis: 0 | 1) => {
    if (batch !== undefined && batch % block === 0) return x
    const count = g.op('Gather', [g.op('Shape', [x]), g.ints(axis)], { axis: 0 })
    const missing = g.op('Mod', [g.op('Neg', [count]), g.ints(block)])
    const others = 3 - axis
    const pads = [g.ints(...new Array(4 + axis).fill(0)), missing, g.ints(...new Array(others).fill(0))]
    return g.op('Pad', [x, g.op('Concat', pads, { axis: 0 })])
  }
  const seenBlocks = (x: string, [channels, rows, cols]: ImageShape, { before, after }: KernelSize): Seen => {
    const planes = channels / block
    const apart = g.transpose(g.reshape(x, -1, planes, rows * cols * block), 1, 0, 2)
    const wide = g.reshape(apart, planes, -1, rows, cols * block)
    const pads = g.ints(0, 0, before, before * block, 0, 0, after, after * block)
    return { images: before + after === 0 ? wide : g.op('Pad', [wide, pads]), planes, depth: block }
  }
  const seenPlain = (x: string, [channels, rows, cols]: ImageShape): Seen => {
    const apart = channels === 1 ? x : g.transpose(x, 1, 0, 2, 3)
    return { images: g.reshape(apart, channels, -1, rows, cols), planes: channels, depth: 1 }
  }
  /** [N, C/B, 1, B]: sums over rows and columns, by a matrix product: the runtime's ReduceSum over several axes is slower. */
  const pixelSums = (x: string, [channels, rows, cols]: ImageShape) => {
    const pixels = g.reshape(x, 0, channels / block, rows * cols, block)
    const ones = g.constant('float32', [1, rows * cols], new Array(rows * cols).fill(1))
    return g.op('MatMul', [ones, pixels])
  }
  return {
    name: 'blocked',
    toStandard: (x, channels) => g.nchwc('ReorderOutput', [x], { channels }),
    fromStandard: (x) => g.nchwc('ReorderInput', [x], {}),
    conv: (x, kernels, _, attributes, { bias, relu } = {}) =>
      g.nchwc('Conv', bias ? [x, kernels, bias] : [x, kernels], { ...attributes, ...(relu && { activation: 'Relu' }) }),
    maxPool: (x, size) => g.nchwc('MaxPool', [x], maxPoolAttributes(size)),
    flippedKernels(kernels, [filters, channels, kernel]) {
      const taps = kernel * kernel
      const apart = g.reshape(kernels, filters / block, channels / block, taps, block, block)
      const flipped = g.op('Gather', [g.transpose(apart, 1, 0, 2, 4, 3), lastToFirst(g, taps)], { axis: 2 })
      return g.reshape(flipped, channels, filters, kernel, kernel)
    },
    kernelGradient(x, input, dz, output, size) {
      const { sum, kernels } = gradient(seenBlocks(x, input, size), dz, output, size.kernel, 1)
      return kernels(sum())
    },
    exampleKernels(x, input, dz, output, size) {
      const { each, kernels } = gradient(seenBlocks(x, input, size), dz, output, size.kernel, 1)
      return { each: each(), kernels }
    },
    plainKernelGradient(x, input, dz, output, kernel, step) {
      const { sum, kernels } = gradient(seenPlain(x, input), dz, output, kernel, step)
      return kernels(sum())
    },
    plainExampleKernels(x, input, dz, output, kernel, step) {
      const { each, kernels } = gradient(seenPlain(x, input), dz, output, kernel, step)
      return { each: each(), kernels }
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
    channelSums: (x, shape) => g.reshape(g.reduceSum(pixelSums(x, shape), 0), shape[0]),
    exampleChannelSums: (x, shape) => g.reshape(pixelSums(x, shape), -1, shape[0]),
  }
}

/** Weights [filters, channels, k, k] as blocked convolutions take them; `plain` where their images are standard. */
export function enterKernels(g: Graph, weight: string, shape: KernelShape, block: number, plain: boolean): string {
  const { filters, planes, depth, taps } = kernelParts(shape, block, plain)
  const apart = g.reshape(weight, filters / block, block, planes, depth, taps)
  return g.reshape(g.transpose(apart, 0, 2, 4, 3, 1), ...weightShape(shape))
}

/** The way back from `enterKernels`. */
export function leaveKernels(
  g: Graph,
  kernels: string,
  shape: KernelShape,
  block: number,
  plain: boolean,
  out: string,
): void {
  const { filters, planes, depth, taps } = kernelParts(shape, block, plain)
  const apart = g.reshape(kernels, filters / block, planes, taps, depth, block)
  g.op('Reshape', [g.transpose(apart, 0, 4, 1, 3, 2), g.ints(...weightShape(shape))], {}, [out])
}

const weightShape = ([filters, channels, kernel]: KernelShape) => [filters, channels, kernel, kernel]

const kernelParts = ([filters, channels, kernel]: KernelShape, block: number, plain: boolean) => ({
  filters,
  planes: plain ? channels : channels / block,
  depth: plain ? 1 : block,
  taps: kernel * kernel,
})
