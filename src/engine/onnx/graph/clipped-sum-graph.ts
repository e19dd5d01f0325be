import { type Model, sizeOf } from '../../../model/model.ts'
import type { Normalisation } from '../../engine.ts'
import { LEAST_NORM } from '../../training/train-records.ts'
import { forwardBackward } from './backward.ts'
import { blockedWeights } from './blocked-weights.ts'
import { Graph } from './graph.ts'
import { type Hooked, targetHook } from './hooks.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import type { WebGpu } from './layers/fill-channels.ts'
import { trainingSteps } from './steps.ts'
import { IR_VERSION, imageEntropies, imageInput, OPSET } from './training-graph.ts'

/** What the sum of a parameter's clipped gradients is called, as it goes in and as it comes out. */
export const sumOf = (parameter: string): string => `sum.${parameter}`
export const nextSumOf = (parameter: string): string => `new.sum.${parameter}`

/**
 * The sum over images of g · min(1, clip / ‖g‖), where g is the gradient of one image's loss and its norm is over all
 * parameters: what DP-SGD adds noise to (Abadi et al. 2016, arXiv:1607.00133, algorithm 1). A Loop over S batches of N
 * images; one way back serves norms and sum. Of a dense layer the norms come from its inputs and the gradients of its
 * outputs ("ghost norm", Li et al. 2022, arXiv:2110.05679), and these are weighted before the product that sums them
 * ("book-keeping", Bu et al. 2023, arXiv:2210.00038). Of a convolution the kernels' gradients are formed image by image:
 * they are few numbers.
 *
 * Inputs: images uint8 [S, N, pixels] · labels int32 [S, N] · counted float32 [S, N] (1, or 0 for an image that only
 * fills the last batch) · clip float32 [] · every parameter under its own name · `sum.NAME` · those of the targets' hook.
 * Outputs: losses float32 [S], the sums over the images that count · `new.sum.NAME`.
 *
 * @param blocks for the blocked layout, with the N of all batches
 */
export function clippedSumGraph(
  model: Model,
  normalise: Normalisation,
  blocks: (Blocks & { readonly batch: number }) | undefined,
  hooked: Pick<Hooked, 'targets'>,
  webgpu?: WebGpu,
): Uint8Array {
  const pixels = sizeOf(model.input)
  const { parameters } = model
  const steps = trainingSteps(model.layers, blocks?.block)
  const orders = blockedWeights(steps, blocks?.block)
  const g = new Graph('clipped_sum')
  g.input('images', 'uint8', ['S', 'N', pixels])
  g.input('labels', 'int32', ['S', 'N'])
  g.input('counted', 'float32', ['S', 'N'])
  g.input('clip', 'float32', [])
  for (const { name, shape } of parameters) for (const input of [name, sumOf(name)]) g.input(input, 'float32', shape)
  const enter = (name: string, tensor: string) => orders.get(name)?.enter(g, tensor) ?? tensor
  const weights = new Map(parameters.map(({ name }) => [name, enter(name, name)]))

  const body = new Graph('batch', g)
  body.input('i', 'int64', [])
  body.input('go', 'bool', [])
  const old = (name: string) => `old.${name}`
  for (const { name, shape } of parameters) body.input(old(name), 'float32', shape)
  const at = (name: string) => body.op('Gather', [name, 'i'], { axis: 0 })
  const x = imageInput(body, at('images'), model, normalise)
  const net = forwardBackward(body, x, { steps, blocks, webgpu, parameters: weights, dropoutKey: '' })
  const smooth = hooked.targets ? targetHook(g, body, model) : undefined
  const { perImage, difference } = imageEntropies(body, net.logits, {
    labels: at('labels'),
    classes: model.classes,
    smooth,
  })
  const gradients = net.examples(difference())
  const counted = at('counted')
  const squares = parameters.map(({ name }) => gradients.get(name)!.squaredNorms)
  const norms = body.op('Sqrt', [squares.length === 1 ? squares[0]! : body.op('Sum', squares)])
  const within = body.op('Div', ['clip', body.op('Max', [norms, body.scalar(LEAST_NORM)])])
  const factors = body.op('Mul', [body.op('Min', [within, body.scalar(1)]), counted])
  body.op('Identity', ['go'], {}, ['go_on'])
  body.output('go_on', 'bool', [])
  for (const { name, shape } of parameters) {
    body.output(gradients.get(name)!.weighted(factors)(1, { name: old(name), beta: 1 }), 'float32', shape)
  }
  body.output(body.op('Neg', [body.reduceSum(body.op('Mul', [perImage, counted]), 0)]), 'float32', [])

  const count = g.op('Gather', [g.op('Shape', ['labels']), g.constant('int64', [], [0])], { axis: 0 })
  const entered = parameters.map(({ name }) => enter(name, sumOf(name)))
  const left = parameters.map(({ name }) => (orders.has(name) ? `blocked.${sumOf(name)}` : nextSumOf(name)))
  g.op('Loop', [count, g.constant('bool', [], [1]), ...entered], { body }, [...left, 'losses'])
  for (const [i, { name, shape }] of parameters.entries()) {
    orders.get(name)?.leave(g, left[i]!, nextSumOf(name))
    g.output(nextSumOf(name), 'float32', shape)
  }
  g.output('losses', 'float32', ['S'])
  return g.model(OPSET, IR_VERSION)
}
