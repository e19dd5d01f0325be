import type { Model } from '../../../model/model.ts'
import type { Weights } from '../../../weights/weights.ts'
import type { Normalisation } from '../../engine.ts'
import { forward, inferenceSteps } from './forward.ts'
import { Graph } from './graph.ts'
import type { WebGpu } from './layers/fill-channels.ts'
import { imageInput } from './training-graph.ts'

/** Old enough for any ONNX runtime of the last years (ONNX 1.8, 2020). */
const OPSET = 13
const IR_VERSION = 7

/**
 * The model with its weights inside, normalisation included: what evaluation runs and what `model.onnx` holds.
 * Constant weights let the runtime choose its own layout for them, which makes it far faster than weights as inputs.
 *
 * Input: images uint8 [N, C, H, W], grey values 0-255. Outputs: logits float32 [N, classes] · label int64 [N].
 * @param webgpu if that is the device
 */
export function inferenceGraph(model: Model, normalise: Normalisation, weights: Weights, webgpu?: WebGpu): Uint8Array {
  const g = new Graph('fedunify')
  g.input('images', 'uint8', ['N', ...model.input])
  const parameters = new Map<string, string>()
  for (const [name, { shape, data }] of weights) parameters.set(name, g.constant('float32', shape, data, name))
  const x = imageInput(g, 'images', model, normalise)
  const logits = forward(g, inferenceSteps(model.layers), x, parameters, { webgpu })
  g.op('Identity', [logits], {}, ['logits'])
  g.op('ArgMax', [logits], { axis: 1, keepdims: 0 }, ['label'])
  g.output('logits', 'float32', ['N', model.classes])
  g.output('label', 'int64', ['N'])
  return g.model(OPSET, IR_VERSION)
}
