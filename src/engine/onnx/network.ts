import type { Model, PlacedLayer } from '../../model/model.ts'
import type { Graph } from './graph.ts'
import { type Conv2d, conv2d, conv2dForward } from './layers/conv2d.ts'
import { dense, denseForward } from './layers/dense.ts'
import { dropout } from './layers/dropout.ts'
import type { Gradient, ParameterNames, Pass } from './layers/pass.ts'
import { flatten, maxpool2d, maxpool2dForward, relu } from './layers/simple.ts'

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

/** The model for training: its logits, and the way back from their gradient to every parameter's. */
export function forwardBackward(
  g: Graph,
  model: Model,
  x: string,
  parameters: ParameterNames,
  dropoutKey: string,
): { logits: string; backward(dLogits: string): Map<string, Gradient> } {
  const passes: Pass[] = []
  let out = x
  for (const step of trainingSteps(model.layers)) {
    const pass = emit(g, step, out, parameters, dropoutKey)
    passes.push(pass)
    out = pass.out
  }
  return {
    logits: out,
    backward(dLogits) {
      const gradients = new Map<string, Gradient>()
      let dOut = dLogits
      for (const [index, pass] of [...passes.entries()].reverse()) {
        const back = pass.backward(dOut, index > 0)
        for (const [name, gradient] of back.gradients ?? []) gradients.set(name, gradient)
        if (back.dIn) dOut = back.dIn
      }
      return gradients
    },
  }
}

/** A layer as it is trained: a convolution may take the pool behind it along. */
interface Step {
  readonly placed: PlacedLayer
  readonly position: number
  readonly pool: number
}

/**
 * conv2d, relu, maxpool2d becomes conv2d with its pool, then relu: the maximum of what relu lets through is what
 * relu lets through of the maximum, and the smaller tensor costs a quarter.
 */
export function trainingSteps(layers: readonly PlacedLayer[]): Step[] {
  const steps: Step[] = []
  for (let i = 0; i < layers.length; i++) {
    const placed = layers[i]!
    const step = { placed, position: i, pool: 1 }
    if (placed.layer.type !== 'conv2d') {
      steps.push(step)
      continue
    }
    const activation = layers[i + 1]?.layer.type === 'relu' ? layers[i + 1] : undefined
    const pool = layers[i + (activation ? 2 : 1)]?.layer
    if (pool?.type !== 'maxpool2d') {
      steps.push(step)
      continue
    }
    steps.push({ ...step, pool: pool.size })
    if (activation) steps.push({ placed: activation, position: i + 1, pool: 1 })
    i += activation ? 2 : 1
  }
  return steps
}

function emit(g: Graph, { placed, position, pool }: Step, x: string, p: ParameterNames, dropoutKey: string): Pass {
  switch (placed.layer.type) {
    case 'conv2d':
      return conv2d(g, placed as Conv2d, x, p, pool)
    case 'dense':
      return dense(g, placed as Placed<'dense'>, x, p)
    case 'maxpool2d':
      return maxpool2d(g, placed as Placed<'maxpool2d'>, x)
    case 'relu':
      return relu(g, x)
    case 'flatten':
      return flatten(g, placed, x)
    case 'dropout':
      return dropout(g, placed as Placed<'dropout'>, position, x, dropoutKey)
  }
}
