import { sizeOf } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import { type Blocks, blockedKernels, type ImagePairs } from './blocked-kernels.ts'
import {
  type ExampleKernels,
  type ImageLayout,
  type ImageShape,
  type KernelShape,
  lastToFirst,
  maxPoolAttributes,
} from './image-layout.ts'
import { GROUP, ones, sumGroups } from './image-sums.ts'

export interface BlockedLayout extends ImageLayout {
  /**
   * As `kernelGradient`, of a first layer: the sum over pairs. `output` is the shape of the gradients; the kernels stood
   * at every `step`-th row and column.
   */
  plainKernelGradient(pairs: ImagePairs, output: ImageShape, kernel: number, step: number): string
  /** The same of every image by itself. */
  plainExampleKernels(...given: Parameters<BlockedLayout['plainKernelGradient']>): ExampleKernels
}

/**
 * [N, C/B, H, W, B]: the B channels that fill one vector register lie side by side. The runtime's own convolutions for
 * this order are almost twice as fast, but it applies them by itself only if weights are constants, and in training
 * they are not. Channels are multiples of B, and kernels are in the order that `enterKernels` gives them.
 */
export function blockedLayout(g: Graph, blocks: Blocks): BlockedLayout {
  const { block, batch } = blocks
  const five = (x: string, [channels, rows, cols]: ImageShape) => g.reshape(x, -1, channels / block, rows, cols, block)
  const gradients = blockedKernels(g, blocks)
  /** [N, C/B, 1, B]: sums over the rows and columns of [N, …], by a matrix product: the runtime's ReduceSum over several axes is slower. */
  const pixelSums = (x: string, [channels, rows, cols]: ImageShape) => {
    const pixels = g.reshape(x, 0, channels / block, rows * cols, block)
    return g.op('MatMul', [ones(g, rows * cols), pixels])
  }
  /** [channels]: sums over the images of a batch, then over their pixels. */
  const batchSums = (x: string, count: number, shape: ImageShape) => {
    const size = count % GROUP === 0 ? GROUP : count
    const images = g.op('MatMul', [ones(g, size), g.reshape(x, count / size, size, sizeOf(shape))])
    return sumGroups(g, pixelSums(images, shape), count / size, 0)
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
      // Two steps, because the runtime has a quick way for each.
      const turned = g.transpose(g.reshape(kernels, -1, block, block), 0, 2, 1)
      const apart = g.reshape(turned, filters / block, channels / block, taps, block * block)
      const flipped = g.op('Gather', [apart, lastToFirst(g, taps)], { axis: 2 })
      return g.reshape(g.transpose(flipped, 1, 0, 2, 3), channels, filters, kernel, kernel)
    },
    kernelGradient: (...given) => gradients.blockedImages(...given).sum(),
    exampleKernels: (...given) => gradients.blockedImages(...given).examples(),
    plainKernelGradient: (...given) => gradients.plainImages(...given).sum(),
    plainExampleKernels: (...given) => gradients.plainImages(...given).examples(),
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
    channelSums(x, shape) {
      const sums = batch === undefined ? g.reduceSum(pixelSums(x, shape), 0) : batchSums(x, batch, shape)
      return g.reshape(sums, shape[0])
    },
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
