import type { PlacedLayer } from '../../../model/model.ts'
import type { Graph } from './graph.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import { blockedLayout } from './layers/blocked-layout.ts'
import type { Conv2d } from './layers/conv-sizes.ts'
import { conv2dForward } from './layers/conv2d.ts'
import { denseForward } from './layers/dense.ts'
import { etfForward } from './layers/etf.ts'
import type { WebGpu } from './layers/fill-channels.ts'
import { type ImageLayout, reorder, standardLayout } from './layers/image-layout.ts'
import type { ParameterNames } from './layers/pass.ts'
import { flatten, relu } from './layers/simple.ts'
import { type Step, trainingSteps } from './steps.ts'

type Placed<T extends PlacedLayer['layer']['type']> = PlacedLayer<Extract<PlacedLayer['layer'], { type: T }>>
type Layouts = Record<ImageLayout['name'], ImageLayout>

/** The steps of inference: there is no dropout in it. */
export const inferenceSteps = (layers: readonly PlacedLayer[], block?: number): Step[] =>
  trainingSteps(
    layers.filter(({ layer }) => layer.type !== 'dropout'),
    block,
  )

/** The steps for inference: x [N, C, H, W] → logits [N, classes]. */
export function forward(
  g: Graph,
  steps: readonly Step[],
  x: string,
  parameters: ParameterNames,
  { blocks, webgpu }: { readonly blocks?: Blocks; readonly webgpu?: WebGpu | undefined } = {},
): string {
  const layouts: Layouts = { standard: standardLayout(g, webgpu), blocked: blockedLayout(g, blocks ?? { block: 1 }) }
  let out = x
  let layout: ImageLayout['name'] = 'standard'
  for (const step of steps) {
    const { input, output, placed } = step
    if (input !== layout) out = reorder(out, layouts[layout], layouts[input], placed.input[0]!)
    out = infer(g, step, out, parameters, layouts)
    layout = output
  }
  return out
}

function infer(g: Graph, step: Step, x: string, parameters: ParameterNames, layouts: Layouts): string {
  const { placed } = step
  const [input, output] = [layouts[step.input], layouts[step.output]]
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2dForward(placed as Conv2d, x, parameters, { ...step, input, output })
    case 'dense':
      return denseForward(g, placed as Placed<'dense'>, x, parameters)
    case 'maxpool2d':
      return output.maxPool(x, placed.layer.size)
    case 'relu':
      return relu(g, x).out
    case 'flatten':
      return flatten(g, placed, x).out
    case 'dropout':
      return x
    case 'etf':
      return etfForward(g, placed as Placed<'etf'>, x, parameters)
  }
}
