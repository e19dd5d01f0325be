import type { Graph } from '../graph.ts'
import type { ImagePairs } from './blocked-kernels.ts'
import type { BlockedLayout } from './blocked-layout.ts'
import { type Conv2d, pooledShape, type Sizes, sizes } from './conv-sizes.ts'
import type { ImageShape } from './image-layout.ts'
import { type ConvStep, ofExamples, type View, view } from './kernel-gradients.ts'
import { maxChain } from './max-chain.ts'
import { exampleRows, type ParameterNames, type Pass, plainGradient } from './pass.ts'

/** How a first convolution is emitted: from images in the standard layout into blocks. */
export interface FirstStep extends ConvStep {
  readonly output: BlockedLayout
}

/** What the kernels see at one position of the pool. */
interface Seen {
  readonly view: View
  /** The same with its zeros around it. */
  readonly image: string
}

interface Pooled {
  readonly out: string
  /** The kernels' gradient is the sum over these; `dMax` is the gradient of `out` behind its ReLU. */
  pairs(dMax: string): ImagePairs['pairs']
}

/** Images with the layer's kernels. */
type Convolve = (of: View, more: { readonly bias?: string; readonly relu: boolean }) => string

/**
 * A first convolution with the ReLU and the max-pool that follow it, for training. Nobody asks for the gradient of its
 * input, and what its kernels see are small images: differences of these cost little, and save passes over its output.
 */
export function firstConv2d(g: Graph, placed: Conv2d, x: string, p: ParameterNames, step: FirstStep): Pass {
  const { pool, relu, input, output: layout } = step
  const s = sizes(placed)
  const [weight, bias] = [`${placed.name}.weight`, `${placed.name}.bias`]
  const seen = Array.from({ length: pool * pool }, (_, i): Seen => {
    const at = view(input, x, s, pool, [Math.floor(i / pool), i % pool], s.kernel)
    const { pads } = at.attributes
    return { view: at, image: g.op('Pad', [at.x, g.ints(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3])]) }
  })
  const convolve: Convolve = ({ x, attributes }, more) => layout.conv(x, p.get(weight)!, s.channels, attributes, more)
  const { out, pairs } = (pool === 2 ? byDifferences : byMaxima)(g, seen, convolve, p.get(bias)!, relu)

  const throughRelu = relu ? g.wherePositive(out) : (dOut: string) => dOut
  const output = pooledShape(s, pool)
  const shape = seenShape(s, output, pool)
  return {
    out,
    backward(dOut) {
      const dMax = throughRelu(dOut)
      const dWeight = layout.plainKernelGradient({ pairs: pairs(dMax), shape }, output, s.kernel, pool)
      const dBias = layout.channelSums(dMax, output)
      return {
        gradients: new Map([
          [weight, plainGradient(g, dWeight)],
          [bias, plainGradient(g, dBias)],
        ]),
      }
    },
    examples(dOut) {
      const dMax = throughRelu(dOut)
      const each = layout.plainExampleKernels({ pairs: pairs(dMax), shape }, output, s.kernel, pool)
      const sums = layout.exampleChannelSums(dMax, output)
      return {
        gradients: new Map([
          [weight, ofExamples(g, each)],
          [bias, exampleRows(g, sums, (sum) => g.reshape(sum, s.filters))],
        ]),
      }
    },
  }
}

/** What the kernels see at all their places together. */
const seenShape = (s: Sizes, [, rows, cols]: ImageShape, pool: number): ImageShape => {
  const side = (places: number) => (places - 1) * pool + s.kernel
  return [s.channels, side(rows), side(cols)]
}

const minus = (g: Graph, a: Seen, b: Seen) => g.op('Sub', [a.image, b.image])

/**
 * A pool of any size. With dz_k = reached_k - reached_(k+1), the sum over all positions k of (image_k, dz_k) is that of
 * (image_k - image_(k-1), reached_k): no dz has to be made.
 */
function byMaxima(g: Graph, seen: readonly Seen[], convolve: Convolve, bias: string, relu: boolean): Pooled {
  const max = maxChain(
    g,
    seen.map(({ view }) => convolve(view, { bias, relu })),
  )
  return {
    out: max.out,
    pairs: (dMax) => max.reached(dMax).map((d, k) => [k === 0 ? seen[0]!.image : minus(g, seen[k]!, seen[k - 1]!), d]),
  }
}

/**
 * A pool of 2x2. By how much the right one of two neighbours is larger, if it is, tells the convolution of their images'
 * difference; what is larger by 0 has no gradient. If it is by rounding alone that one is larger, the kernels see the same
 * in both, and the gradient does not depend on which has it.
 */
function byDifferences(g: Graph, seen: readonly Seen[], convolve: Convolve, bias: string, relu: boolean): Pooled {
  const row = (left: Seen, right: Seen) => {
    const difference = minus(g, right, left)
    const bare = { ...left.view.attributes, pads: [0, 0, 0, 0] } as const
    const more = convolve({ x: difference, attributes: bare }, { relu: true })
    return {
      difference,
      whereMore: g.wherePositive(more),
      max: g.op('Add', [convolve(left.view, { bias, relu: false }), more]),
    }
  }
  const [upper, lower] = [row(seen[0]!, seen[1]!), row(seen[2]!, seen[3]!)]
  const more = g.op('Relu', [g.op('Sub', [lower.max, upper.max])])
  const max = g.op('Add', [upper.max, more])
  const whereMore = g.wherePositive(more)
  return {
    out: relu ? g.op('Relu', [max]) : max,
    pairs(dMax) {
      const dLower = whereMore(dMax)
      const dUpper = g.op('Sub', [dMax, dLower])
      return [
        [seen[0]!.image, dMax],
        [minus(g, seen[2]!, seen[0]!), dLower],
        [upper.difference, upper.whereMore(dUpper)],
        [lower.difference, lower.whereMore(dLower)],
      ]
    },
  }
}
