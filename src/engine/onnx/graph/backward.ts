import type { PlacedLayer } from '../../../model/model.ts'
import type { Graph } from './graph.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import { blockedLayout } from './layers/blocked-layout.ts'
import type { Conv2d } from './layers/conv-sizes.ts'
import { conv2d } from './layers/conv2d.ts'
import { dense } from './layers/dense.ts'
import { dropout } from './layers/dropout.ts'
import { etf } from './layers/etf.ts'
import type { WebGpu } from './layers/fill-channels.ts'
import { type ImageLayout, reorder, standardLayout } from './layers/image-layout.ts'
import type { Back, ExampleGradients, Gradient, ParameterNames, Pass } from './layers/pass.ts'
import { flatten, maxpool2d, relu } from './layers/simple.ts'
import type { Step } from './steps.ts'

type Placed<T extends PlacedLayer['layer']['type']> = PlacedLayer<Extract<PlacedLayer['layer'], { type: T }>>

/** What the emission of every step needs. */
export interface Emission {
  readonly steps: readonly Step[]
  /** Where a step is blocked. */
  readonly blocks: Blocks | undefined
  /** Where that is the device. */
  readonly webgpu?: WebGpu | undefined
  readonly parameters: ParameterNames
  /** uint32 [], another in each step. */
  readonly dropoutKey: string
}

/** The model for training, x [N, C, H, W]. */
export interface ForwardBackward {
  readonly logits: string
  /** The way back from the gradient of the logits to every parameter's. */
  backward(dLogits: string): Map<string, Gradient>
  /**
   * The same of several losses of one image, without blocks: for every parameter the sum of their squared gradients.
   * @param dLogits [rows, classes]
   */
  squares(given: { readonly dLogits: string; readonly rows: number }): Map<string, Gradient>
  /** The same with every image's own gradient told apart; of blocks it needs their `batch`. */
  examples(dLogits: string): Map<string, ExampleGradients>
}

export function forwardBackward(g: Graph, x: string, emission: Emission): ForwardBackward {
  const layouts = {
    standard: standardLayout(g, emission.webgpu),
    blocked: blockedLayout(g, emission.blocks ?? { block: 1 }),
  }
  const passes: (Pass & { first: boolean })[] = []
  let out = x
  let layout: ImageLayout['name'] = 'standard'
  const add = (pass: Pass, first: boolean) => {
    passes.push({ ...pass, first })
    out = pass.out
  }
  for (const step of emission.steps) {
    if (step.input !== layout) add(reordered(out, layouts[layout], layouts[step.input], step), step.first)
    add(emit(g, step, out, emission, layouts), step.first)
    layout = step.output
  }
  const through = <G = Gradient>(
    dLogits: string,
    backOf: (pass: Pass, dOut: string, wantInput: boolean) => Back<G>,
  ) => {
    const gradients = new Map<string, G>()
    let dOut = dLogits
    for (const pass of passes.toReversed()) {
      const back = backOf(pass, dOut, !pass.first)
      for (const [name, gradient] of back.gradients ?? []) gradients.set(name, gradient)
      if (!back.dIn) break
      dOut = back.dIn
    }
    return gradients
  }
  return {
    logits: out,
    backward: (dLogits) => through(dLogits, (pass, dOut, wantInput) => pass.backward(dOut, wantInput)),
    squares: ({ dLogits, rows }) =>
      through(
        dLogits,
        (pass, dOut, wantInput) => pass.squares?.({ name: dOut, rows }, wantInput) ?? pass.backward(dOut, wantInput),
      ),
    examples: (dLogits) =>
      through<ExampleGradients>(dLogits, (pass, dOut, wantInput) => {
        const { dIn, ...back } = pass.examples?.(dOut, wantInput) ?? { dIn: pass.backward(dOut, wantInput).dIn }
        return { ...back, ...(dIn !== undefined && { dIn }) }
      }),
  }
}

/** Images of `step` from one layout to another. */
function reordered(x: string, from: ImageLayout, to: ImageLayout, { placed }: Step): Pass {
  const channels = placed.input[0]!
  return { out: reorder(x, from, to, channels), backward: (dOut) => ({ dIn: reorder(dOut, to, from, channels) }) }
}

function emit(
  g: Graph,
  { placed, position, pool, relu: withRelu, input, output }: Step,
  x: string,
  { parameters, dropoutKey }: Emission,
  layouts: Record<ImageLayout['name'], ImageLayout>,
): Pass {
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2d(g, placed as Conv2d, x, parameters, {
        pool,
        relu: withRelu,
        input: layouts[input],
        output: layouts[output],
      })
    case 'dense':
      return dense(g, placed as Placed<'dense'>, x, parameters)
    case 'maxpool2d':
      return maxpool2d(g, placed as Placed<'maxpool2d'>, x, layouts[input])
    case 'relu':
      return relu(g, x)
    case 'flatten':
      return flatten(g, placed, x)
    case 'dropout':
      return dropout(g, placed as Placed<'dropout'>, position, x, dropoutKey)
    case 'etf':
      return etf(g, placed as Placed<'etf'>, x, parameters)
  }
}
