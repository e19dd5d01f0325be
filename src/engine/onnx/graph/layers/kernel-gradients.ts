import type { Graph } from '../graph.ts'
import type { Sizes } from './conv-sizes.ts'
import type { ConvAttributes, ExampleKernels, ImageLayout } from './image-layout.ts'
import { type ExampleGradients, plainGradient } from './pass.ts'

/** How a convolution is emitted. */
export interface ConvStep {
  /** Size of the max-pool that it takes along; 1: none. */
  readonly pool: number
  readonly relu: boolean
  /** The layouts of its images on their way in and out. */
  readonly input: ImageLayout
  readonly output: ImageLayout
}

export interface View {
  readonly x: string
  readonly attributes: ConvAttributes
}

/** What a kernel sees when it is at one position of every pool window: the image and the attributes. */
export function view(
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

export const kernelGradient = (s: Sizes, x: string, dz: string, step: ConvStep): string =>
  step.input.kernelGradient(x, s.input, sameLayout(s, dz, step), s.output, s)

/** The gradient of the output in the layout of the input. */
const sameLayout = (s: Sizes, dz: string, { input, output }: ConvStep): string =>
  input.name === output.name ? dz : output.toStandard(dz, s.filters)

/** The same of every image by itself. */
export const exampleKernels = (s: Sizes, x: string, dz: string, step: ConvStep): ExampleKernels =>
  step.input.exampleKernels(x, s.input, sameLayout(s, dz, step), s.output, s)

/** What is asked of kernels that there are image by image. */
export const ofExamples = (g: Graph, { each, kernels }: ExampleKernels): ExampleGradients => ({
  squaredNorms: g.op('ReduceSumSquare', [each, g.ints(0, 2)], { keepdims: 0 }),
  weighted: (factors) => plainGradient(g, kernels(g.op('MatMul', [g.reshape(factors, 1, -1), each]))),
})

/**
 * dW as dZ times the input's im2col, summed over images and pool positions. im2col is a convolution with the identity:
 * one that sees what all positions of a pool window see together, of which each position then takes its own columns.
 */
export function im2colGradient(
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
