import type { Graph } from '../graph.ts'
import { type Conv2d, pooledShape, type Sizes, sizes } from './conv-sizes.ts'
import { type FirstStep, firstConv2d } from './first-conv.ts'
import type { ExampleKernels, ImageLayout } from './image-layout.ts'
import { type ConvStep, exampleKernels, im2colGradient, kernelGradient, ofExamples, view } from './kernel-gradients.ts'
import { maxChain } from './max-chain.ts'
import { exampleRows, type ParameterNames, type Pass, plainGradient, sumOfSquares } from './pass.ts'

/** Convolution with the ReLU and the max-pool that follow it, for inference. */
export function conv2dForward(placed: Conv2d, x: string, p: ParameterNames, { output, relu, pool }: ConvStep): string {
  const { channels, kernel, before, after } = sizes(placed)
  const attributes = { kernel_shape: [kernel, kernel], pads: [before, before, after, after] } as const
  const bias = p.get(`${placed.name}.bias`)!
  const out = output.conv(x, p.get(`${placed.name}.weight`)!, channels, attributes, { bias, relu })
  return pool === 1 ? out : output.maxPool(out, pool)
}

/**
 * Convolution with the ReLU and the max-pool that follow it, for training. The pool is emitted as one strided
 * convolution for each of its positions and a maximum over them: the same arithmetic, but the pool and its gradient
 * become cheap elementwise work (MaxPool with indices and MaxUnpool cost more than the convolution).
 */
export function conv2d(g: Graph, placed: Conv2d, x: string, p: ParameterNames, step: ConvStep): Pass {
  return isFirst(step) ? firstConv2d(g, placed, x, p, step) : anyConv2d(g, placed, x, p, step)
}

/** Only a first layer reads the standard layout and writes blocks (see steps.ts). */
const isFirst = (step: ConvStep): step is FirstStep => step.input.name === 'standard' && step.output.name === 'blocked'

function anyConv2d(g: Graph, placed: Conv2d, x: string, p: ParameterNames, step: ConvStep): Pass {
  const { pool, relu, input, output } = step
  const s = sizes(placed)
  const [weight, bias] = [p.get(`${placed.name}.weight`)!, p.get(`${placed.name}.bias`)!]
  const pooled = pooledShape(s, pool)
  const positions = Array.from({ length: pool * pool }, (_, i) => [Math.floor(i / pool), i % pool] as const)
  const views = positions.map((position) => view(input, x, s, pool, position, s.kernel))
  const max = maxChain(
    g,
    views.map(({ x, attributes }) => output.conv(x, weight, s.channels, attributes, { bias, relu })),
  )
  const throughRelu = relu ? g.wherePositive(max.out) : (dOut: string) => dOut
  const through = <G>(dWeight: G, dBias: () => G, dz: string | undefined, wantInput: boolean) => ({
    ...(dz && wantInput && { dIn: inputGradient(s, weight, dz, output) }),
    gradients: new Map([
      [`${placed.name}.weight`, dWeight],
      [`${placed.name}.bias`, dBias()],
    ]),
  })
  const back = (dWeight: string, dBias: () => string, dz: string | undefined, wantInput: boolean) =>
    through(plainGradient(g, dWeight), () => plainGradient(g, dBias()), dz, wantInput)
  return {
    out: max.out,
    // In the standard layout.
    squares({ name: dOut, rows }, wantInput) {
      const dMax = throughRelu(dOut)
      const parts = max.backward(dMax)
      const dz = pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool)
      // The rows are filters on one image, so that each has kernels of its own.
      const many = { ...s, output: [rows * s.filters, s.output[1], s.output[2]] as const }
      const all = kernelGradient(many, x, g.reshape(dz, 1, ...many.output), step)
      const kernels = g.reshape(all, rows, s.filters, s.channels, s.kernel, s.kernel)
      return back(sumOfSquares(g, kernels), () => sumOfSquares(g, g.reduceSum(dMax, 2, 3)), dz, wantInput)
    },
    backward(dOut, wantInput) {
      const dMax = throughRelu(dOut)
      const result = (dWeight: string, dz?: string) =>
        back(dWeight, () => output.channelSums(dMax, pooled), dz, wantInput)
      const parts = max.backward(dMax)
      // The kernel as a matrix has channels * kernel² columns: few of them fit an im2col, many the long convolution.
      const few = s.channels * s.kernel * s.kernel <= 32 && input.name === 'standard'
      const whole = () => (pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool))
      const dz = few && !wantInput ? undefined : whole()
      return result(few ? im2colGradient(g, s, x, parts, positions, step) : kernelGradient(s, x, dz!, step), dz)
    },
    examples(dOut, wantInput) {
      const dMax = throughRelu(dOut)
      const result = (kernels: ExampleKernels, dz?: string) => {
        const dBias = () => exampleRows(g, output.exampleChannelSums(dMax, pooled), (sum) => g.reshape(sum, s.filters))
        return through(ofExamples(g, kernels), dBias, dz, wantInput)
      }
      const parts = max.backward(dMax)
      const dz = pool === 1 ? parts[0]! : output.unpool(parts, s.output, pool)
      return result(exampleKernels(s, x, dz, step), dz)
    },
  }
}

/** dX = dZ convolved with the flipped kernels, their channels and filters exchanged. */
function inputGradient(s: Sizes, weight: string, dz: string, layout: ImageLayout): string {
  const [before, after] = [s.kernel - 1 - s.before, s.kernel - 1 - s.after]
  return layout.conv(dz, layout.flippedKernels(weight, [s.filters, s.channels, s.kernel]), s.filters, {
    kernel_shape: [s.kernel, s.kernel],
    pads: [before, before, after, after],
  })
}
