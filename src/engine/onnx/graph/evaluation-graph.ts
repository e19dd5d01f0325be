import { type Model, sizeOf } from '../../../model/model.ts'
import type { Normalisation } from '../../engine.ts'
import { blockedWeights } from './blocked-weights.ts'
import { forward, inferenceSteps } from './forward.ts'
import { Graph } from './graph.ts'
import { IR_VERSION, imageInput, OPSET } from './training-graph.ts'

/**
 * The model in blocked layout with its weights as inputs: one session evaluates one model after another. (Where the
 * runtime blocks by itself, it needs the weights inside, and so a session for each model: see inference-graph.ts.)
 *
 * Inputs: images uint8 [S, N, pixels] · every parameter under its own name, in the standard order.
 * Output: logits float32 [S, N, classes].
 */
export function evaluationGraph(model: Model, normalise: Normalisation, block: number): Uint8Array {
  const steps = inferenceSteps(model.layers, block)
  const orders = blockedWeights(steps, block)
  const g = new Graph('evaluate')
  g.input('images', 'uint8', ['S', 'N', sizeOf(model.input)])
  const weights = new Map<string, string>()
  for (const { name, shape } of model.parameters) {
    g.input(name, 'float32', shape)
    weights.set(name, orders.get(name)?.enter(g, name) ?? name)
  }
  const body = new Graph('batch', g)
  body.input('i', 'int64', [])
  body.input('go', 'bool', [])
  const x = imageInput(body, body.op('Gather', ['images', 'i'], { axis: 0 }), model, normalise)
  body.op('Identity', ['go'], {}, ['go_on'])
  body.output('go_on', 'bool', [])
  body.output(forward(body, steps, x, weights, { blocks: { block } }), 'float32', ['N', model.classes])
  const count = g.op('Gather', [g.op('Shape', ['images']), g.constant('int64', [], [0])], { axis: 0 })
  g.op('Loop', [count, g.constant('bool', [], [1])], { body }, ['logits'])
  g.output('logits', 'float32', ['S', 'N', model.classes])
  return g.model(OPSET, IR_VERSION)
}
