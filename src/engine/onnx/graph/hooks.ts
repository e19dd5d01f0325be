import type { Model, Parameter } from '../../../model/model.ts'
import { NORM_EPSILON } from '../../hooks.ts'
import type { Order } from './blocked-weights.ts'
import type { Graph } from './graph.ts'
import { type Gradient, type ParameterNames, plainGradient } from './layers/pass.ts'

/** Which hooks of a plan a training graph has inputs for (see engine/hooks.ts); those that it lacks cost nothing. */
export interface Hooked {
  readonly scale: boolean
  readonly proximal: boolean
  readonly shift: boolean
  readonly logits: boolean
  readonly targets: boolean
  readonly perturb: boolean
  readonly teacher: boolean
}

export const UNHOOKED: Hooked = {
  scale: false,
  proximal: false,
  shift: false,
  logits: false,
  targets: false,
  perturb: false,
  teacher: false,
}

/**
 * Inputs: the gradient's scale, mu, the targets' smoothing, rho and beta float32 [] · the logits' scale and shift and the
 * teacher's classes float32 [classes] · an anchor, a shift and a teacher's weight like each parameter.
 */
export const GRADIENT_SCALE = 'gradient.scale'
export const MU = 'mu'
export const SMOOTHING = 'targets.smoothing'
export const RHO = 'rho'
export const LOGIT_SCALE = 'logits.scale'
export const LOGIT_SHIFT = 'logits.shift'
export const TEACHER_BETA = 'teacher.beta'
export const TEACHER_CLASSES = 'teacher.classes'
export const anchorName = (parameter: string): string => `anchor.${parameter}`
export const teacherName = (parameter: string): string => `teacher.${parameter}`
export const shiftName = (parameter: string): string => `shift.${parameter}`

/**
 * By what the gradient of the loss is multiplied from the start, if by anything: all of the backward pass is linear in
 * that of the logits.
 * @param lr the learning rate, if gradients are to arrive multiplied by it
 */
export function gradientScale(g: Graph, { scale }: Hooked, lr: string | undefined): string | undefined {
  if (!scale) return lr
  const factor = g.input(GRADIENT_SCALE, 'float32', [])
  return lr === undefined ? factor : g.op('Mul', [factor, lr])
}

/**
 * The other terms of the gradient's hook, g + mu * (w - anchor) + shift. What it takes is brought into the order of the loop, and
 * multiplied by the learning rate where gradients are, once for the whole chunk.
 *
 * @param body of the loop that is in `g`
 * @param lr by what gradients arrive multiplied, if by anything
 */
export function gradientHook(
  g: Graph,
  body: Graph,
  orders: ReadonlyMap<string, Order>,
  { proximal, shift }: Hooked,
  lr: string | undefined,
): (parameter: Parameter, weight: string, gradient: Gradient) => Gradient {
  const scaled = (value: string) => (lr === undefined ? value : g.op('Mul', [value, lr]))
  const enter = (input: string, { name, shape }: Parameter) => {
    g.input(input, 'float32', shape)
    return orders.get(name)?.enter(g, input) ?? input
  }
  const mu = proximal ? scaled(g.input(MU, 'float32', [])) : undefined
  return (parameter, weight, gradient) => {
    const { name } = parameter
    const pull = mu && body.op('Mul', [body.op('Sub', [weight, enter(anchorName(name), parameter)]), mu])
    const push = shift ? scaled(enter(shiftName(name), parameter)) : undefined
    const term = pull && push ? body.op('Add', [pull, push]) : (pull ?? push)
    if (!term) return gradient
    // The term joins what the gradient is added to, so that the gradient itself ends in the same operator as without
    // a hook: a term of 0 changes no bit.
    return (alpha = 1, onto) => gradient(alpha, { name: plainGradient(body, term)(alpha, onto), beta: 1 })
  }
}

/** The hook of the logits, scale_c * z_c + shift_c, as a last layer of the training. */
export function logitHook(
  g: Graph,
  body: Graph,
  { classes }: Model,
): (logits: string) => { out: string; backward(dOut: string): string } {
  const scale = g.input(LOGIT_SCALE, 'float32', [classes])
  const shift = g.input(LOGIT_SHIFT, 'float32', [classes])
  return (logits) => ({
    out: body.op('Add', [body.op('Mul', [logits, scale]), shift]),
    backward: (dOut) => body.op('Mul', [dOut, scale]),
  })
}

/**
 * The weights at which the second gradient of a step is taken, w + rho * g / (‖g‖ + ε). The order of the numbers in the
 * loop does not matter to a norm.
 * @param gradients of the loss at `weights`, as they are
 */
export function perturbed(
  g: Graph,
  body: Graph,
  weights: ParameterNames,
  gradients: ReadonlyMap<string, Gradient>,
): ParameterNames {
  const rho = g.input(RHO, 'float32', [])
  const values = new Map([...weights.keys()].map((name) => [name, gradients.get(name)!()] as const))
  const squares = [...values.values()].map((value) => body.op('ReduceSumSquare', [value], { keepdims: 0 }))
  const norm = body.op('Sqrt', [squares.length === 1 ? squares[0]! : body.op('Sum', squares)])
  const factor = body.op('Div', [rho, body.op('Add', [norm, g.scalar(NORM_EPSILON)])])
  return new Map(
    [...values].map(([name, value]) => [name, body.op('Add', [weights.get(name)!, body.op('Mul', [value, factor])])]),
  )
}

/** The hook of the targets, (1 - smoothing) * q + smoothing / classes. */
export function targetHook(g: Graph, body: Graph, { classes }: Model): (target: string) => string {
  const smoothing = g.input(SMOOTHING, 'float32', [])
  const kept = g.op('Sub', [g.scalar(1), smoothing])
  const each = g.op('Div', [smoothing, g.scalar(classes)])
  return (target) => body.op('Add', [body.op('Mul', [target, kept]), each])
}
