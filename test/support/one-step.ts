import { forwardBackward } from '../../src/engine/onnx/graph/backward.ts'
import { Graph } from '../../src/engine/onnx/graph/graph.ts'
import { trainingSteps } from '../../src/engine/onnx/graph/steps.ts'
import { crossEntropy } from '../../src/engine/onnx/graph/training-graph.ts'
import { createSession } from '../../src/engine/onnx/session/create-session.ts'
import { Tensor } from '../../src/engine/onnx/session/ort.ts'
import type { Model } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'

export interface Step {
  readonly loss: number
  /** [N, classes] */
  readonly logits: Float32Array
  readonly gradients: ReadonlyMap<string, Float32Array>
}

export type StepFunction = (x: Float32Array, labels: readonly number[], weights: Weights, key?: number) => Promise<Step>

/**
 * One training step without its update: the forward and backward pass and the loss that training emits, with the
 * gradients as outputs. `x` is float32 [N, C, H, W], as it is behind the normalisation.
 */
export async function openStep(model: Model): Promise<StepFunction> {
  const g = new Graph('one_step')
  g.input('x', 'float32', ['N', ...model.input])
  g.input('labels', 'int32', ['N'])
  g.input('key', 'uint32', [])
  for (const { name, shape } of model.parameters) g.input(name, 'float32', shape)
  const parameters = new Map(model.parameters.map(({ name }) => [name, name]))
  const steps = trainingSteps(model.layers)
  const net = forwardBackward(g, 'x', { steps, blocks: undefined, parameters, dropoutKey: 'key' })
  const { loss, dLogits } = crossEntropy(g, net.logits, { labels: 'labels', classes: model.classes })
  const gradients = net.backward(dLogits)
  g.op('Identity', [loss], {}, ['loss'])
  g.op('Identity', [net.logits], {}, ['logits'])
  g.output('loss', 'float32', [])
  g.output('logits', 'float32', ['N', model.classes])
  for (const { name, shape } of model.parameters) {
    g.op('Identity', [gradients.get(name)!()], {}, [`d.${name}`])
    g.output(`d.${name}`, 'float32', shape)
  }
  const session = await createSession(g.model(18, 10))

  return async (x, labels, weights, key = 0) => {
    const feeds: Record<string, Tensor> = {
      x: new Tensor('float32', x, [labels.length, ...model.input]),
      labels: new Tensor('int32', Int32Array.from(labels), [labels.length]),
      key: new Tensor('uint32', Uint32Array.of(key), []),
    }
    for (const [name, { shape, data }] of weights) feeds[name] = new Tensor('float32', data, shape)
    const result = await session.run(feeds)
    const values = (name: string) => result[name]!.data as Float32Array
    return {
      loss: values('loss')[0]!,
      logits: values('logits'),
      gradients: new Map(model.parameters.map(({ name }) => [name, values(`d.${name}`)])),
    }
  }
}
