import type { ObjectiveHooks } from '../../src/engine/hooks.ts'
import type { Model } from '../../src/model/model.ts'
import { sizeOf } from '../../src/model/model.ts'
import type { Weights } from '../../src/weights/weights.ts'
import { crossEntropies, float64Forward, type Parameters, toFloat64 } from './float64-network.ts'
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
  const teacher = noisyWeights(model, 0.3, 30)
  return {
    'a scale of the gradient': { gradient: { scale: 0.4 } },
    'a proximal term': { gradient: { proximal } },
    'a shift of the gradient': { gradient: { shift } },
    'a scale of the logits': { logits: { scale } },
    'a shift of the logits': { logits: { shift: logitShift } },
    'smoothed targets': { targets: { smoothing: 0.2 } },
    'a perturbation': { perturb: { rho: 0.3 } },
    'a teacher': { teacher: { beta: 0.8, weights: teacher } },
    'all of them': {
      gradient: { scale: 1.7, proximal, shift },
      logits: { scale, shift: logitShift },
      targets: { smoothing: 0.3 },
      perturb: { rho: 0.2 },
      teacher: { beta: 0.5, weights: teacher, classes: noise(model.classes, 92).map((_, c) => +(c > 0)) },
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
  { gradient = {}, logits = {}, targets: { smoothing } = { smoothing: 0 }, teacher }: ObjectiveHooks,
  weightDecay = 0,
  away: Parameters = new Map(),
): number {
  const { scale, shift } = logits
  const there: Parameters = new Map(
    [...parameters].map(([name, values]) => {
      const by = away.get(name)
      return [name, by ? values.map((w, i) => w + by[i]!) : values]
    }),
  )
  const own = float64Forward(model, x, there)
  const mapped = own.map((z, i) => {
    const c = i % model.classes
    return z * (scale?.[c] ?? 1) + (shift?.[c] ?? 0)
  })
  const meanLoss = (of: readonly number[]) => crossEntropies(mapped, of).reduce((a, b) => a + b, 0) / of.length
  const ofEach = Array.from({ length: model.classes }, (_, c) => meanLoss(labels.map(() => c)))
  const smoothed = (smoothing * ofEach.reduce((a, b) => a + b, 0)) / model.classes
  const taught = teacher ? teacher.beta * float64Divergence(model, x, labels, own, teacher) : 0
  let total = (gradient.scale ?? 1) * ((1 - smoothing) * meanLoss(labels) + smoothed + taught)
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

/** A teacher's logits of a batch, the last ones: finite differences ask for them at every weight. */
const TAUGHT = new WeakMap<Weights, WeakMap<ArrayLike<number>, Float64Array>>()

/** KL of the model's from its teacher's softmax over the classes in question, the mean over the images. */
function float64Divergence(
  { classes, ...model }: Model,
  x: ArrayLike<number>,
  labels: readonly number[],
  own: ArrayLike<number>,
  { weights, classes: part }: NonNullable<ObjectiveHooks['teacher']>,
): number {
  const taught = TAUGHT.get(weights)?.get(x) ?? float64Forward({ classes, ...model }, x, toFloat64(weights))
  TAUGHT.set(weights, new WeakMap([[x, taught]]))
  const ofEach = labels.map((label, n) => {
    const asked = Array.from({ length: classes }, (_, c) => c).filter((c) => c !== label && part?.[c] !== 0)
    const shares = (logits: ArrayLike<number>) => {
      const powers = asked.map((c) => Math.exp(logits[n * classes + c]!))
      return powers.map((power) => power / powers.reduce((a, b) => a + b, 0))
    }
    const [p, q] = [shares(own), shares(taught)]
    return q.reduce((sum, share, i) => sum + share * Math.log(share / p[i]!), 0)
  })
  return ofEach.reduce((a, b) => a + b, 0) / labels.length
}

/** rho g / ‖g‖ of a gradient, its norm over all tensors: where a perturbed gradient is taken, from the weights. */
export function perturbation(gradient: ReadonlyMap<string, ArrayLike<number>>, rho: number): Parameters {
  const length = Math.hypot(...[...gradient.values()].map(norm))
  return new Map([...gradient].map(([name, values]) => [name, Float64Array.from(values, (g) => (rho * g) / length)]))
}
