import type { Model, PlacedLayer } from '../../model/model.ts'
import type { Graph } from './graph.ts'
import { type Conv2d, conv2dForward } from './layers/conv2d.ts'
import { denseForward } from './layers/dense.ts'
import type { ParameterNames } from './layers/pass.ts'
import { flatten, maxpool2dForward, relu } from './layers/simple.ts'

type Placed<T extends PlacedLayer['layer']['type']> = PlacedLayer<Extract<PlacedLayer['layer'], { type: T }>>

/** The model for inference: x [N, C, H, W] → logits [N, classes]. */
export function forward(g: Graph, model: Model, x: string, parameters: ParameterNames): string {
  return model.layers.reduce((input, placed) => infer(g, placed, input, parameters), x)
}

function infer(g: Graph, placed: PlacedLayer, x: string, parameters: ParameterNames): string {
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2dForward(g, placed as Conv2d, x, parameters)
    case 'dense':
      return denseForward(g, placed as Placed<'dense'>, x, parameters)
    case 'maxpool2d':
      return maxpool2dForward(g, placed as Placed<'maxpool2d'>, x)
    case 'relu':
      return relu(g, x).out
    case 'flatten':
      return flatten(g, placed, x).out
    case 'dropout':
      return x
  }
}
