import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import type { Model } from '../../src/model/model.ts'
import { sizeOf } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { crossEntropies, float64Forward, type Parameters } from './float64-network.ts'
import { noise, norm } from './numbers.ts'

/** Tensors of a model's shapes, uniform in ±size, the same for equal arguments. */
export const noisyWeights = ({ parameters }: Model, size: number, seed: number): Weights =>
  new Map(
    parameters.map(({ name, shape }, i) => [
      name,
      { shape, data: noise(sizeOf(shape), seed + i).map((value) => size * value) },
    ]),
  )

/** Hooks of all kinds, each alone and then together, none of them near to nothing. */
export function someHooks(model: Model): Record<string, ObjectiveHooks> {
  const proximal = { mu: 0.3, anchor: noisyWeights(model, 0.2, 50) }
  const shift = noisyWeights(model, 0.1, 70)
  const scale = noise(model.classes, 90).map((value) => 1 + value / 2)
  const logitShift = noise(model.classes, 91)
  return {
    'a scale of the gradient': { gradient: { scale: 0.4 } },
    'a proximal term': { gradient: { proximal } },
    'a shift of the gradient': { gradient: { shift } },
    'a scale of the logits': { logits: { scale } },
    'a shift of the logits': { logits: { shift: logitShift } },
    'smoothed targets': { targets: { smoothing: 0.2 } },
    'a perturbation': { perturb: { rho: 0.3 } },
    'all of them': {
      gradient: { scale: 1.7, proximal, shift },
      logits: { scale, shift: logitShift },
      targets: { smoothing: 0.3 },
      perturb: { rho: 0.2 },
    },
  }
}

/**
 * All that is minimised, in double precision: mean cross-entropy by the scale of its gradient, the terms of the hooks, weightDecay/2 ‖w‖².
 * @param away where the loss itself is taken, from the parameters (see `perturbation`)
 */
export function float64Objective(
  model: Model,
  x: ArrayLike<number>,
  labels: readonly number[],
  parameters: Parameters,
  { gradient = {}, logits = {}, targets: { smoothing } = { smoothing: 0 } }: ObjectiveHooks,
  weightDecay = 0,
  away: Parameters = new Map(),
): number {
  const { scale, shift } = logits
  const there = new Map(
    [...parameters].map(([name, values]) => [name, values.map((w, i) => w + (away.get(name)?.[i] ?? 0))]),
  )
  const mapped = float64Forward(model, x, there).map((z, i) => {
    const c = i % model.classes
    return z * (scale?.[c] ?? 1) + (shift?.[c] ?? 0)
  })
  const meanLoss = (of: readonly number[]) => crossEntropies(mapped, of).reduce((a, b) => a + b, 0) / of.length
  const ofEach = Array.from({ length: model.classes }, (_, c) => meanLoss(labels.map(() => c)))
  const smoothed = (smoothing * ofEach.reduce((a, b) => a + b, 0)) / model.classes
  let total = (gradient.scale ?? 1) * ((1 - smoothing) * meanLoss(labels) + smoothed)
  for (const [name, values] of parameters) {
    const anchor = gradient.proximal?.anchor.get(name)?.data
    const pushed = gradient.shift?.get(name)?.data
    const mu = gradient.proximal?.mu ?? 0
    for (const [i, w] of values.entries()) {
      total += (weightDecay * w ** 2) / 2 + (mu * (w - (anchor?.[i] ?? 0)) ** 2) / 2 + (pushed?.[i] ?? 0) * w
    }
  }
  return total
}

/** rho g / ‖g‖ of a gradient, its norm over all tensors: where a perturbed gradient is taken, from the weights. */
export function perturbation(gradient: ReadonlyMap<string, ArrayLike<number>>, rho: number): Parameters {
  const length = Math.hypot(...[...gradient.values()].map(norm))
  return new Map([...gradient].map(([name, values]) => [name, Float64Array.from(values, (g) => (rho * g) / length)]))
}
