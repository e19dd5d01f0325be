import type { Model } from '../../../model/model.ts'
import type { Normalisation, OptimizerSettings } from '../../engine.ts'
import { forwardBackward } from './backward.ts'
import { blockedWeights } from './blocked-weights.ts'
import { elementType, Graph } from './graph.ts'
import { gradientHook, gradientScale, type Hooked, logitHook, perturbed, targetHook, UNHOOKED } from './hooks.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import type { WebGpu } from './layers/fill-channels.ts'
import type { ParameterNames } from './layers/pass.ts'
import { OPTIMIZERS } from './optimizers.ts'
import { trainingSteps } from './steps.ts'
import { openTeacher } from './teacher.ts'

/** IR 10 and opset 18: the first with BitwiseXor; every operator is of the standard domain. */
export const OPSET = 18
export const IR_VERSION = 10

/** Names of the optimiser's tensors for one parameter. */
export const stateNames = (settings: OptimizerSettings, parameter: string): string[] =>
  OPTIMIZERS[settings.kind].state.map((prefix) => `${prefix}.${parameter}`)

/** What a tensor is called when it comes out of a chunk. */
export const updated = (name: string): string => `new.${name}`

/**
 * A chunk of training as one ONNX graph: a Loop over S mini-batches of N images, with the weights and the optimiser's
 * state going round. One graph serves every S and N, so the last, smaller batch needs no other, except on WebGPU.
 *
 * Inputs: images uint8 [S, N, pixels] · labels int32 [S, N] · keys uint32 [S] (dropout) · lr float32 [] ·
 * step float32 [] (updates done before) · every parameter and its state under its own name · those of the hooks.
 * Outputs: losses float32 [S], the mean of each batch · every input tensor as `new.NAME`.
 *
 * @param blocks for the blocked layout; with its `batch` the graph is faster, and for batches of so many images alone.
 * What goes in and comes out is in the standard order.
 * @param hooked the hooks of the plan that are used; without any, the graph has no trace of them
 * @param webgpu if that is the device
 */
export function trainingGraph(
  model: Model,
  normalise: Normalisation,
  settings: OptimizerSettings,
  blocks?: Blocks,
  hooked: Hooked = UNHOOKED,
  webgpu?: WebGpu,
): Uint8Array {
  const pixels = model.input.reduce((n, d) => n * d, 1)
  const tensors = model.parameters.flatMap(({ name, shape }) =>
    [name, ...stateNames(settings, name)].map((tensor) => ({ tensor, shape, parameter: name })),
  )
  const steps = trainingSteps(model.layers, blocks?.block)
  const orders = blockedWeights(steps, blocks?.block)

  const g = new Graph('train')
  g.input('images', 'uint8', ['S', 'N', pixels])
  g.input('labels', 'int32', ['S', 'N'])
  g.input('keys', 'uint32', ['S'])
  g.input('lr', 'float32', [])
  g.input('step', 'float32', [])
  for (const { tensor, shape } of tensors) g.input(tensor, 'float32', shape)

  const body = new Graph('step', g)
  body.input('i', 'int64', [])
  body.input('go', 'bool', [])
  for (const { tensor, shape } of tensors) body.input(`old.${tensor}`, 'float32', shape)
  const at = (name: string) => body.op('Gather', [name, 'i'], { axis: 0 })
  const x = imageInput(body, at('images'), model, normalise)
  const weights = new Map(model.parameters.map(({ name }) => [name, `old.${name}`]))
  const rule = OPTIMIZERS[settings.kind]
  const scaledBy = rule.scaled ? 'lr' : undefined
  const scale = gradientScale(g, hooked, scaledBy)
  const mapLogits = hooked.logits ? logitHook(g, body, model) : undefined
  const smooth = hooked.targets ? targetHook(g, body, model) : undefined
  const teach = hooked.teacher ? openTeacher(g, body, x, model, { blocks, webgpu }) : undefined
  const gradientAt = (parameters: ParameterNames, scale?: string) => {
    const net = forwardBackward(body, x, { steps, blocks, webgpu, parameters, dropoutKey: at('keys') })
    const mapped = mapLogits?.(net.logits)
    const given = { labels: at('labels'), classes: model.classes, scale, smooth }
    const { loss, dLogits, ...batch } = crossEntropy(body, mapped?.out ?? net.logits, given)
    const own = mapped?.backward(dLogits) ?? dLogits
    const taught = teach?.({ ...batch, logits: net.logits })
    return { loss, gradients: net.backward(taught ? body.op('Add', [own, taught]) : own) }
  }
  const first = gradientAt(weights, hooked.perturb ? undefined : scale)
  const { loss } = first
  const { gradients } = hooked.perturb ? gradientAt(perturbed(g, body, weights, first.gradients), scale) : first
  const hook = gradientHook(g, body, orders, hooked, scaledBy)
  const done = body.op('Cast', [body.op('Add', ['i', body.constant('int64', [], [1])])], { to: elementType('float32') })
  const inputs = { step: body.op('Add', ['step', done]), lr: 'lr', settings }

  body.op('Identity', ['go'], {}, ['go_on'])
  body.output('go_on', 'bool', [])
  for (const parameter of model.parameters) {
    const { name, shape } = parameter
    const weight = `old.${name}`
    const states = stateNames(settings, name)
    const next = rule.update(
      body,
      weight,
      hook(parameter, weight, gradients.get(name)!),
      states.map((s) => `old.${s}`),
      inputs,
    )
    for (const output of [next.weight, ...next.state]) body.output(output, 'float32', shape)
  }
  body.output(loss, 'float32', [])

  const count = g.op('Gather', [g.op('Shape', ['labels']), g.constant('int64', [], [0])], { axis: 0 })
  const entered = tensors.map(({ tensor, parameter }) => orders.get(parameter)?.enter(g, tensor) ?? tensor)
  const left = tensors.map(({ tensor, parameter }) => (orders.has(parameter) ? `blocked.${tensor}` : updated(tensor)))
  g.op('Loop', [count, g.constant('bool', [], [1]), ...entered], { body }, [...left, 'losses'])
  for (const [i, { tensor, parameter, shape }] of tensors.entries()) {
    orders.get(parameter)?.leave(g, left[i]!, updated(tensor))
    g.output(updated(tensor), 'float32', shape)
  }
  g.output('losses', 'float32', ['S'])
  return g.model(OPSET, IR_VERSION)
}

/** uint8 [N, pixels] or [N, C, H, W] → standardised float32 [N, C, H, W]: (value / 255 - mean) / std. */
export function imageInput(g: Graph, images: string, model: Model, { mean, std }: Normalisation): string {
  const values = g.op('Cast', [images], { to: elementType('float32') })
  const scaled = g.op('Mul', [values, g.scalar(1 / (255 * std))])
  return g.reshape(g.op('Sub', [scaled, g.scalar(mean / std)]), -1, ...model.input)
}

interface Targets {
  readonly labels: string
  readonly classes: number
  /** What is made of the one-hot targets. */
  readonly smooth?: ((target: string) => string) | undefined
}

/** Softmax cross-entropy (the paper's eq. 3), mean over the batch, its gradient (softmax - target) / N, and what is in it. */
export function crossEntropy(g: Graph, logits: string, given: Targets & { readonly scale?: string | undefined }) {
  const { perImage, oneHot, difference } = imageEntropies(g, logits, given)
  const loss = g.op('Neg', [g.op('ReduceMean', [perImage, g.ints(0)], { keepdims: 0 })])
  const count = g.op('Cast', [g.op('Size', [given.labels])], { to: elementType('float32') })
  // A scalar by which the gradient is multiplied.
  const factor = g.op('Div', [given.scale ?? g.scalar(1), count])
  return { loss, dLogits: g.op('Mul', [difference(), factor]), oneHot, factor }
}

/** [N]: minus the cross-entropy of each image, and its gradient's negative, softmax - target. */
export function imageEntropies(g: Graph, logits: string, { labels, classes, smooth }: Targets) {
  const every = g.constant(
    'int32',
    [1, classes],
    Array.from({ length: classes }, (_, label) => label),
  )
  const hit = g.op('Equal', [g.reshape(labels, -1, 1), every])
  const oneHot = g.op('Cast', [hit], { to: elementType('float32') })
  const target = smooth?.(oneHot) ?? oneHot
  const logProbabilities = g.op('LogSoftmax', [logits], { axis: 1 })
  const perImage = g.reduceSum(g.op('Mul', [target, logProbabilities]), 1)
  return { perImage, oneHot, difference: () => g.op('Sub', [g.op('Exp', [logProbabilities]), target]) }
}
