import type { Tensor, Variable } from '@tensorflow/tfjs'
import type { OptimizerSettings } from '../engine.ts'
import { ADAM } from '../training/adam.ts'
import type { Tf } from './load.ts'

export interface Optimizer {
  /**
   * Updates every variable in place. Intermediate tensors are the caller's to tidy.
   * @param gradients of the variables, in their order
   * @param step number of this update within the plan, from 1
   */
  apply(gradients: readonly Tensor[], step: number): void
  dispose(): void
}

/** An update's new weight and state, from tensors shaped like the weight. */
interface Rule {
  /** Tensors that it keeps for each weight, 0 at the start. */
  readonly state: number
  update(weight: Tensor, gradient: Tensor, state: readonly Tensor[], step: number): Updated
}

interface Updated {
  readonly weight: Tensor
  readonly state: readonly Tensor[]
}

/** The same rules as the onnx engine's (see onnx/optimizers.ts); TensorFlow.js's own know no weight decay. */
const RULES: Record<OptimizerSettings['kind'], (settings: OptimizerSettings, lr: number) => Rule> = {
  sgd: (_, lr) => ({
    state: 0,
    update: (weight, gradient) => ({ weight: weight.sub(gradient.mul(lr)), state: [] }),
  }),
  momentum: (settings, lr) => ({
    state: 1,
    update(weight, gradient, [velocity]) {
      const next = velocity!.mul(settings.momentum).add(gradient.mul(lr))
      return { weight: weight.sub(next), state: [next] }
    },
  }),
  adam: (_, lr) => ({
    state: 2,
    update(weight, gradient, [mean, square], step) {
      const { beta1, beta2, epsilon } = ADAM
      const m = mean!.mul(beta1).add(gradient.mul(1 - beta1))
      const v = square!.mul(beta2).add(gradient.square().mul(1 - beta2))
      const deviation = v.div(1 - beta2 ** step).sqrt()
      const direction = m.div(1 - beta1 ** step).div(deviation.add(epsilon))
      return { weight: weight.sub(direction.mul(lr)), state: [m, v] }
    },
  }),
}

/** An optimiser for `variables`, its state at zero. */
export function openOptimizer(
  tf: Tf,
  variables: readonly Variable[],
  settings: OptimizerSettings,
  lr: number,
): Optimizer {
  const { weightDecay } = settings
  const rule = RULES[settings.kind](settings, lr)
  const states = variables.map((weight) =>
    Array.from({ length: rule.state }, () => tf.tidy(() => tf.variable(tf.zerosLike(weight), false))),
  )
  return {
    apply(gradients, step) {
      for (const [i, variable] of variables.entries()) {
        const gradient = gradients[i]!
        const decayed = weightDecay === 0 ? gradient : gradient.add(variable.mul(weightDecay))
        const next = rule.update(variable, decayed, states[i]!, step)
        variable.assign(next.weight)
        for (const [j, state] of states[i]!.entries()) state.assign(next.state[j]!)
      }
    },
    dispose: () => tf.dispose(states),
  }
}
