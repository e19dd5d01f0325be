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
import { microBatches } from './layers/micro-batches.ts'
import type { Back, ExampleGradients, Gradient, ParameterNames, Pass } from './layers/pass.ts'
import { flatten, maxpool2d, relu } from './layers/simple.ts'
import { type Step, stepsApart } from './steps.ts'

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

/** A layer, and whether nothing before it has parameters. */
type Placement = Pass & { readonly first: boolean }

export function forwardBackward(g: Graph, x: string, emission: Emission): ForwardBackward {
  const { steps, blocks } = emission
  const passes = blocks?.microBatch
    ? inMicroBatches(g, x, emission, blocks as Required<Blocks>)
    : chain(g, { x, layout: 'standard' }, steps, emission)
  return {
    logits: passes.at(-1)!.out,
    backward: (dLogits) => backThrough(passes, dLogits, (pass, dOut, wantInput) => pass.backward(dOut, wantInput)),
    squares: ({ dLogits, rows }) =>
      backThrough(
        passes,
        dLogits,
        (pass, dOut, wantInput) => pass.squares?.({ name: dOut, rows }, wantInput) ?? pass.backward(dOut, wantInput),
      ),
    examples: (dLogits) =>
      backThrough<ExampleGradients>(passes, dLogits, (pass, dOut, wantInput) => {
        const { dIn, ...back } = pass.examples?.(dOut, wantInput) ?? { dIn: pass.backward(dOut, wantInput).dIn }
        return { ...back, ...(dIn !== undefined && { dIn }) }
      }),
  }
}

/** The steps one after another, from images in a layout. */
function chain(
  g: Graph,
  { x, layout: before }: { readonly x: string; readonly layout: ImageLayout['name'] },
  steps: readonly Step[],
  emission: Emission,
): Placement[] {
  const layouts = {
    standard: standardLayout(g, emission.webgpu),
    blocked: blockedLayout(g, emission.blocks ?? { block: 1 }),
  }
  const passes: Placement[] = []
  let out = x
  let layout = before
  const add = (pass: Pass, first: boolean) => {
    passes.push({ ...pass, first })
    out = pass.out
  }
  for (const step of steps) {
    if (step.input !== layout) add(reordered(out, layouts[layout], layouts[step.input], step), step.first)
    add(emit(g, step, out, emission, layouts), step.first)
    layout = step.output
  }
  return passes
}

/** The same with the steps on images in micro-batches, of which a batch has a whole number. */
function inMicroBatches(g: Graph, x: string, emission: Emission, blocks: Required<Blocks>): Placement[] {
  const { images, others } = stepsApart(emission.steps)
  const inPart = { ...emission, blocks: { block: blocks.block, batch: blocks.microBatch } }
  const parameters = images.flatMap(({ placed }) => placed.parameters)
  const first = microBatches(g, x, parameters, blocks, (part) => {
    const passes = chain(g, { x: part, layout: 'standard' }, images, inPart)
    const backward = (dOut: string) =>
      backThrough(passes, dOut, (pass, dOut, wantInput) => pass.backward(dOut, wantInput))
    return { out: passes.at(-1)!.out, backward }
  })
  return [{ ...first, first: true }, ...chain(g, { x: first.out, layout: images.at(-1)!.output }, others, emission)]
}

/** The gradients of all parameters, from that of the last output. */
function backThrough<G = Gradient>(
  passes: readonly Placement[],
  dLast: string,
  backOf: (pass: Pass, dOut: string, wantInput: boolean) => Back<G>,
): Map<string, G> {
  const gradients = new Map<string, G>()
  let dOut = dLast
  for (const pass of passes.toReversed()) {
    const back = backOf(pass, dOut, !pass.first)
    for (const [name, gradient] of back.gradients ?? []) gradients.set(name, gradient)
    if (!back.dIn) break
    dOut = back.dIn
  }
  return gradients
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
