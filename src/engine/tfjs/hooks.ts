import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs'
import { NORM_EPSILON, type ObjectiveHooks } from '../hooks.ts'
import type { Tf } from './load.ts'
import type { Network } from './network.ts'

/** What is minimised: a loss that is reported, and what has no part in it. */
export interface Terms {
  readonly loss: Scalar
  readonly more: Scalar | undefined
}

/** A plan's hooks on tensors (see engine/hooks.ts). Intermediate tensors are the caller's to tidy. */
export interface Hooks {
  /**
   * The loss at the variables, and the gradient of it and of what is added to it, at them or at the place nearby where it
   * is to be taken.
   */
  gradients(terms: () => Terms): { readonly loss: Scalar; readonly gradients: readonly Tensor[] }
  /** @param i index of the variable whose gradient it is */
  gradient(gradient: Tensor, i: number): Tensor
  /** Logits [N, classes] as the loss takes them. */
  logits(logits: Tensor2D): Tensor2D
  /** Targets [N, classes], one-hot, as the loss takes them. */
  targets(targets: Tensor2D): Tensor2D
  dispose(): void
}

export function openHooks(
  tf: Tf,
  network: Network,
  { gradient = {}, logits = {}, targets: mapped, perturb }: ObjectiveHooks,
): Hooks {
  const { scale } = gradient
  const mu = gradient.proximal?.mu
  const anchor = gradient.proximal && network.tensors(gradient.proximal.anchor)
  const shift = gradient.shift && network.tensors(gradient.shift)
  const classwise = (values: Float32Array | undefined) => values && tf.tensor1d(values, 'float32')
  const [logitScale, logitShift] = [classwise(logits.scale), classwise(logits.shift)]
  const { variables } = network
  const gradientHere = (terms: () => Terms) => {
    // What is added does not depend on how the loss is read: the gradient is that of the sum, the value the loss's alone.
    let loss: Scalar | undefined
    const { value, grads } = tf.variableGrads(() => {
      const { loss: own, more } = terms()
      if (!more) return own
      loss = tf.keep(own.clone())
      return own.add<Scalar>(more)
    }, [...variables])
    return { loss: loss ?? value, gradients: variables.map(({ name }) => grads[name]!) }
  }
  return {
    gradients(terms) {
      const here = gradientHere(terms)
      if (!perturb) return here
      const before = variables.map((variable) => variable.clone())
      const norm = tf.addN(here.gradients.map((value) => value.square().sum())).sqrt()
      const factor = tf.scalar(perturb.rho).div(norm.add(NORM_EPSILON))
      for (const [i, variable] of variables.entries()) variable.assign(before[i]!.add(here.gradients[i]!.mul(factor)))
      const there = gradientHere(terms)
      there.loss.dispose()
      for (const [i, variable] of variables.entries()) variable.assign(before[i]!)
      return { loss: here.loss, gradients: there.gradients }
    },
    gradient(gradient, i) {
      const scaled = scale === undefined ? gradient : gradient.mul(scale)
      const pulled = anchor ? scaled.add(network.variables[i]!.sub(anchor[i]!).mul(mu!)) : scaled
      return shift ? pulled.add(shift[i]!) : pulled
    },
    logits(logits) {
      const scaled = logitScale ? logits.mul<Tensor2D>(logitScale) : logits
      return logitShift ? scaled.add(logitShift) : scaled
    },
    targets(targets) {
      if (!mapped) return targets
      const { smoothing } = mapped
      return targets.mul<Tensor2D>(1 - smoothing).add(smoothing / targets.shape[1])
    },
    dispose: () => tf.dispose([anchor, shift, logitScale, logitShift]),
  }
}
