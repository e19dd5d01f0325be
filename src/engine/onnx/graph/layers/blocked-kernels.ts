import type { Graph } from '../graph.ts'
import type { ExampleKernels, ImageShape, KernelSize } from './image-layout.ts'
import { GROUP, ones, pairwiseSum, partSize, sumGroups } from './image-sums.ts'

/** Channels of a block, and images of a batch where all have the same number. */
export interface Blocks {
  readonly block: number
  readonly batch?: number
  /** Images that go through the layers before the first dense one at a time (see micro-batches.ts); undefined: all. */
  readonly microBatch?: number
}

/**
 * Gradients of kernels of so many weights are formed image by image and then summed, of so many numbers at most: 8 MiB.
 * Of larger kernels that is too much to write.
 */
const MOST_WEIGHTS = 2 ** 15
const MOST_PER_IMAGE = 2 ** 21

/** Images whose zeros at the left and right are there already, `depth` channels of a pixel side by side in each of `planes`. */
interface Seen {
  /** [planes, N, rows, cols * depth] */
  readonly images: string
  readonly planes: number
  readonly depth: number
  /** Rows of zeros above and below that are not there yet. */
  readonly around: readonly [above: number, below: number]
}

type Pair = readonly [images: string, dz: string]

/** Images in the standard layout, with their zeros around them, and gradients in blocks. */
export interface ImagePairs {
  readonly pairs: readonly (readonly [image: string, gradient: string])[]
  /** Of the images. */
  readonly shape: ImageShape
}

/** How the kernels' gradients of blocked convolutions are formed. */
export function blockedKernels(g: Graph, { block, batch }: Blocks) {
  const gradient = (
    seen: readonly (readonly [Seen, dz: string])[],
    [filters, rows, cols]: ImageShape,
    kernel: number,
    step: number,
  ) => {
    const { planes, depth, around } = seen[0]![0]
    const weights = filters * planes * depth * kernel * kernel
    const attributes = {
      kernel_shape: [rows, cols],
      dilations: [step, step * depth],
      pads: [around[0], 0, around[1], 0],
    }
    const count = batch && Math.ceil(batch / block) * block
    const filled = () => seen.map(([{ images }, dz]): Pair => [fillBlocks(images, 1), fillBlocks(dz, 0)])
    const byImages = weights <= MOST_WEIGHTS
    const overImages = () => {
      if (count && count % GROUP === 0) {
        return inParts(filled(), count, byImages ? partSize(count, MOST_PER_IMAGE / weights)! : GROUP)
      }
      const few = count && byImages && weights * count <= MOST_PER_IMAGE
      return few ? g.reduceSum(byImage(filled(), count), 1) : onto(filled(), byBlock)
    }
    const kernels = (sums: string) => {
      const apart = g.reshape(sums, planes, filters / block, kernel * kernel, depth, block)
      return g.reshape(g.transpose(apart, 1, 0, 2, 3, 4), filters, planes * depth, kernel, kernel)
    }
    return {
      sum: () => kernels(overImages()),
      examples: (): ExampleKernels => ({ each: byImage(filled(), count!), kernels }),
    }

    // Every image is a group of the convolution, and its own dz are its kernels: nothing has to change its order.
    function byImage(pairs: readonly Pair[], count: number): string {
      // All before the convolutions, so that each takes its dz as soon as that is there (see Graph.wherePositive).
      const apart = pairs.map(([images, dz]): Pair => [images, g.reshape(dz, count * filters, 1, rows, cols)])
      const each = onto(apart, (images, kernels, sum) =>
        g.nchwc('Conv', [images, kernels, ...sum], { ...attributes, group: count }),
      )
      return g.reshape(each, planes, count, filters * kernel * kernel * depth)
    }

    /** In parts of a batch, with the same bits in parts of any size. */
    function inParts(pairs: readonly Pair[], count: number, size: number): string {
      const lengths = new Array(count / size).fill(size)
      const apart = pairs.map(([images, dz]) => [g.split(images, lengths, 1), g.split(dz, lengths)] as const)
      const sums = lengths.map((_, i) => {
        const part = apart.map(([images, dz]): Pair => [images[i]!, dz[i]!])
        return byImages ? sumImages(byImage(part, size), size) : onto(part, byBlock)
      })
      return pairwiseSum(g, sums)
    }

    function sumImages(each: string, count: number): string {
      const groups = count / GROUP
      const values = filters * kernel * kernel * depth
      const sums = g.op('MatMul', [ones(g, GROUP), g.reshape(each, planes, groups, GROUP, values)])
      return sumGroups(g, sums, groups, 1)
    }

    // As in the standard layout, but with blocks of N: each plane is an image of N channels, and dz has dilation B.
    function byBlock(images: string, dz: string, sum: readonly string[]): string {
      const dz5 = g.reshape(dz, -1, block, filters / block, rows * cols, block)
      const kernels = g.reshape(g.transpose(dz5, 2, 0, 3, 1, 4), filters, -1, rows, cols)
      const blocked = g.nchwc('ReorderInput', [images], {})
      return g.nchwc('Conv', [blocked, kernels, ...sum], attributes)
    }
  }
  /** The sum over the pairs: each convolution adds to what the one before it gave. */
  const onto = (pairs: readonly Pair[], conv: (...of: [...Pair, sum: readonly string[]]) => string): string =>
    pairs.reduce<readonly string[]>(
      (sum, pair) => [
        conv(
          ...pair,
          sum.flatMap((name) => ['', name]),
        ),
      ],
      [],
    )[0]!
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
    // Zeros above and below cost the convolution nothing; those beside would take its slow way.
    const pads = g.ints(0, 0, 0, before * block, 0, 0, 0, after * block)
    const images = before + after === 0 ? wide : g.op('Pad', [wide, pads])
    return { images, planes, depth: block, around: [before, after] }
  }
  const seenPlain = ({ pairs, shape: [channels, rows, cols] }: ImagePairs) =>
    pairs.map(([x, dz]): [Seen, string] => {
      const apart = channels === 1 ? x : g.transpose(x, 1, 0, 2, 3)
      return [{ images: g.reshape(apart, channels, -1, rows, cols), planes: channels, depth: 1, around: [0, 0] }, dz]
    })
  return {
    /** Of images and the gradients of their convolution's output, both blocked. */
    blockedImages: (x: string, input: ImageShape, dz: string, output: ImageShape, size: KernelSize) =>
      gradient([[seenBlocks(x, input, size), dz]], output, size.kernel, 1),
    /** Of images in the standard layout, with kernels at every `step`-th row and column. */
    plainImages: (pairs: ImagePairs, output: ImageShape, kernel: number, step: number) =>
      gradient(seenPlain(pairs), output, kernel, step),
  }
}
