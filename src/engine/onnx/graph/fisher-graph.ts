import type { Model } from '../../../model/model.ts'
import type { Normalisation } from '../../engine.ts'
import { forwardBackward } from './backward.ts'
import { inferenceSteps } from './forward.ts'
import { elementType, Graph } from './graph.ts'
import { IR_VERSION, imageInput, OPSET } from './training-graph.ts'

/** What the sum of a parameter's squared gradients is called. */
export const squaresOf = (parameter: string): string => `squares.${parameter}`

/**
 * For each weight w the sum over S images of Σ_c p_c (∂ log p_c / ∂w)², where p_c is the model's own probability of class
 * c; with `labelled` of (∂ log p_y / ∂w)² for the image's label y. A Loop over single images: their gradients are squared
 * one by one. Dropout is off.
 *
 * The gradient of log p_c in the logits is 1_c - p. Times √p_c it is a row for each class, and all go back together
 * through the one image's layers, for the way back is linear.
 *
 * Inputs: images uint8 [S, pixels] · with `labelled` labels int32 [S] · every parameter under its own name.
 * Outputs: the sums, like each parameter, as `squares.NAME`.
 */
export function fisherGraph(model: Model, normalise: Normalisation, labelled: boolean): Uint8Array {
  const pixels = model.input.reduce((n, d) => n * d, 1)
  const g = new Graph('fisher')
  g.input('images', 'uint8', ['S', pixels])
  if (labelled) g.input('labels', 'int32', ['S'])
  for (const { name, shape } of model.parameters) g.input(name, 'float32', shape)

  const body = new Graph('image', g)
  body.input('i', 'int64', [])
  body.input('go', 'bool', [])
  const sumOf = (name: string) => `old.${squaresOf(name)}`
  for (const { name, shape } of model.parameters) body.input(sumOf(name), 'float32', shape)
  const at = (name: string) => body.op('Gather', [name, 'i'], { axis: 0 })
  const parameters = new Map(model.parameters.map(({ name }) => [name, name]))
  const steps = inferenceSteps(model.layers)
  const x = imageInput(body, at('images'), model, normalise)
  const net = forwardBackward(body, x, { steps, blocks: undefined, parameters, dropoutKey: '' })
  const p = body.op('Softmax', [net.logits], { axis: 1 })
  const label = labelled ? at('labels') : undefined
  const squares = net.squares(label === undefined ? everyClass(body, p, model) : oneClass(body, p, label, model))
  body.op('Identity', ['go'], {}, ['go_on'])
  body.output('go_on', 'bool', [])
  for (const { name, shape } of model.parameters) {
    body.output(squares.get(name)!(1, { name: sumOf(name), beta: 1 }), 'float32', shape)
  }

  const count = g.op('Gather', [g.op('Shape', ['images']), g.constant('int64', [], [0])], { axis: 0 })
  const zeros = model.parameters.map(({ shape }) => g.op('ConstantOfShape', [g.ints(...shape)]))
  const sums = model.parameters.map(({ name }) => squaresOf(name))
  g.op('Loop', [count, g.constant('bool', [], [1]), ...zeros], { body }, sums)
  for (const { name, shape } of model.parameters) g.output(squaresOf(name), 'float32', shape)
  return g.model(OPSET, IR_VERSION)
}

/** √p_c (p - 1_c), a row for each class c: [classes, classes]. */
function everyClass(g: Graph, p: string, { classes }: Model) {
  const ones = Array.from({ length: classes ** 2 }, (_, i) => Number(i % (classes + 1) === 0))
  const differences = g.op('Sub', [p, g.constant('float32', [classes, classes], ones)])
  return { dLogits: g.op('Mul', [g.op('Sqrt', [g.reshape(p, classes, 1)]), differences]), rows: classes }
}

/** p - 1_y: [1, classes]. */
function oneClass(g: Graph, p: string, label: string, { classes }: Model) {
  const all = Array.from({ length: classes }, (_, c) => c)
  const hit = g.op('Equal', [g.reshape(label, 1, 1), g.constant('int32', [1, classes], all)])
  return { dLogits: g.op('Sub', [p, g.op('Cast', [hit], { to: elementType('float32') })]), rows: 1 }
}
