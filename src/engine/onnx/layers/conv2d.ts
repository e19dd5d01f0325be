import type { Layer } from '../../../model/layers.ts'
import type { PlacedLayer } from '../../../model/model.ts'
import type { Graph } from '../graph.ts'
import type { ImageLayout, ImageShape } from './image-layout.ts'
import { maxTree } from './max-tree.ts'
import { type ParameterNames, type Pass, plainGradient } from './pass.ts'

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

/** x [N, C, H, W] → [N, F, H', W'], for inference. */
export function conv2dForward(g: Graph, placed: Conv2d, x: string, p: ParameterNames): string {
  const { kernel, before, after } = sizes(placed)
  return g.op('Conv', [x, p.get(`${placed.name}.weight`)!, p.get(`${placed.name}.bias`)!], {
    kernel_shape: [kernel, kernel],
    pads: [before, before, after, after],
  })
}

/** The layouts of a convolution's images on their way in and out. */
interface Layouts {
  readonly input: ImageLayout
  readonly output: ImageLayout
}

/**
 * Convolution followed by a max-pool of `pool` x `pool` (1: none), for training. The pool is emitted as one
 * strided convolution for each of its positions and a maximum over them: the same arithmetic, but the pool and
 * its gradient become cheap elementwise work (MaxPool with indices and MaxUnpool cost more than the convolution).
 */
export function conv2d(
  g: Graph,
  placed: Conv2d,
  x: string,
  p: ParameterNames,
  pool: number,
  { input, output }: Layouts,
): Pass {
  const s = sizes(placed)
  const weight = p.get(`${placed.name}.weight`)!
  const bias = p.get(`${placed.name}.bias`)!
  const kernels = output.kernels(weight, s.filters, s.channels, s.kernel, input.name === 'standard')
  const views = poolViews(input, x, s, pool)
  const max = maxTree(
    g,
    views.map((view) => output.conv(view.x, kernels, bias, view.attributes)),
  )
  return {
    out: max.out,
    backward(dOut, wantInput) {
      const parts = max.backward(dOut)
      const whole = () => (pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool))
      // The kernel as a matrix has channels * kernel² columns: few of them fit an im2col, many the long convolution.
      const few = s.channels * s.kernel * s.kernel <= 32 && input.name === 'standard'
      const dz = few && !wantInput ? undefined : whole()
      const images = () => input.channelsLast(x, s.input)
      const dWeight = few
        ? im2colWeightGradient(g, s, views, parts, output)
        : longWeightGradient(g, s, images(), output.channelsFirst(dz!, s.output))
      const gradients = new Map([
        [`${placed.name}.weight`, plainGradient(g, dWeight)],
        [`${placed.name}.bias`, plainGradient(g, output.channelSums(dOut, s.filters))],
      ])
      return wantInput ? { dIn: inputGradient(g, s, weight, dz!, output), gradients } : { gradients }
    },
  }
}

/** The convolution at one pool position: its input and the attributes that pick every pool-th output. */
interface View {
  readonly x: string
  readonly attributes: Record<string, number[]>
}

function poolViews(layout: ImageLayout, x: string, s: Sizes, pool: number): View[] {
  const [, rows, cols] = s.input
  const axis = (position: number, length: number, out: number) => {
    const pooled = Math.floor(out / pool)
    const before = s.before - position
    const after = (pooled - 1) * pool + s.kernel - length - before
    // A negative pad means that this position does not see the image's edge: cut it off.
    return { before, after, from: Math.max(0, -before), to: length - Math.max(0, -after) }
  }
  return Array.from({ length: pool * pool }, (_, i) => {
    const r = axis(Math.floor(i / pool), rows, s.output[1])
    const c = axis(i % pool, cols, s.output[2])
    const whole = r.from === 0 && c.from === 0 && r.to === rows && c.to === cols
    return {
      x: whole ? x : layout.slice(x, s.input, [r.from, c.from], [r.to, c.to]),
      attributes: {
        kernel_shape: [s.kernel, s.kernel],
        strides: [pool, pool],
        pads: [r.before, c.before, r.after, c.after].map((pad) => Math.max(0, pad)),
      },
    }
  })
}

/** dX = dZ convolved with the flipped kernels, their channels and filters exchanged. */
function inputGradient(g: Graph, s: Sizes, weight: string, dz: string, layout: ImageLayout): string {
  const taps = s.kernel * s.kernel
  const backwards = g.constant(
    'int64',
    [taps],
    Array.from({ length: taps }, (_, i) => taps - 1 - i),
  )
  const flipped = g.op('Gather', [g.reshape(weight, s.filters, s.channels, taps), backwards], { axis: 2 })
  const exchanged = g.reshape(g.transpose(flipped, 1, 0, 2), s.channels, s.filters, s.kernel, s.kernel)
  const before = s.kernel - 1 - s.before
  const after = s.kernel - 1 - s.after
  return layout.conv(dz, layout.kernels(exchanged, s.channels, s.filters, s.kernel), undefined, {
    kernel_shape: [s.kernel, s.kernel],
    pads: [before, before, after, after],
  })
}

/**
 * dW as one 2-D convolution: the input in NHWC seen as N channels of H rows of W*C values, the kernel dZ as
 * [F, N, H', W'] with dilation C along the rows, so that the output [F, k, k*C] is dW with its axes reordered.
 */
function longWeightGradient(g: Graph, s: Sizes, images: string, dz: string): string {
  const result = g.op('Conv', [images, dz], {
    kernel_shape: [s.output[1], s.output[2]],
    dilations: [1, s.channels],
    pads: [s.before, s.before * s.channels, s.after, s.after * s.channels],
  })
  const tapsFirst = g.reshape(result, s.filters, s.kernel * s.kernel, s.channels)
  return g.reshape(g.transpose(tapsFirst, 0, 2, 1), s.filters, s.channels, s.kernel, s.kernel)
}

/** dW as dZ times the input's im2col, summed over images and pool positions; im2col is a convolution with the identity. */
function im2colWeightGradient(
  g: Graph,
  s: Sizes,
  views: readonly View[],
  parts: readonly string[],
  layout: ImageLayout,
): string {
  const columns = s.channels * s.kernel * s.kernel
  const identity = new Float32Array(columns * columns)
  for (let i = 0; i < columns; i++) identity[i * columns + i] = 1
  const pick = g.constant('float32', [columns, s.channels, s.kernel, s.kernel], identity)
  const sums = views.map((view, i) =>
    layout.correlate(parts[i]!, s.filters, g.op('Conv', [view.x, pick], view.attributes), columns),
  )
  const total = sums.reduce((a, b) => g.op('Add', [a, b]))
  return g.reshape(total, s.filters, s.channels, s.kernel, s.kernel)
}
