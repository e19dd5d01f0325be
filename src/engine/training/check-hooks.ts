import { FedunifyError } from '../../errors.ts'
import { type Model, sizeOf } from '../../model/model.ts'
import { firstNonFinite, type Weights } from '../../weights/weights.ts'
import type { TrainPlan } from '../engine.ts'

/**
 * @throws FedunifyError (training) naming owner, round and tensor if the plan's hooks do not fit the model, or if it hides
 *   single images and asks for what would tell of them
 */
export function checkHooks(model: Model, plan: TrainPlan): void {
  const { name, round, hooks = {} } = plan
  const { gradient = {}, logits = {}, targets, perturb, teacher } = hooks
  const { scale, proximal, shift } = gradient
  const wrong =
    wrongNumber("the gradient's scale", scale) ??
    (proximal && (wrongNumber('mu', proximal.mu) ?? wrongWeights('the anchor', proximal.anchor, model))) ??
    (shift && wrongWeights("the gradient's shift", shift, model)) ??
    (logits.scale && wrongClasses("the logits' scale", logits.scale, model)) ??
    (logits.shift && wrongClasses("the logits' shift", logits.shift, model)) ??
    wrongNumber("the targets' smoothing", targets?.smoothing) ??
    wrongNumber('rho', perturb?.rho) ??
    (teacher && (wrongNumber('beta', teacher.beta) ?? wrongWeights('the teacher', teacher.weights, model))) ??
    (teacher?.classes && wrongClasses("the teacher's part in classes", teacher.classes, model)) ??
    (plan.record && notHidden(model, plan))
  if (wrong !== undefined) throw new FedunifyError('E_OBJECTIVE', `${name}, round ${round}: ${wrong}`)
}

/** What the noise on a sum of single images' gradients does not cover. */
function notHidden({ layers }: Model, { hooks = {}, untilAccuracy }: TrainPlan): string | undefined {
  if (layers.some(({ layer }) => layer.type === 'dropout')) {
    return "its images are hidden, but dropout goes by an image's place among the others of its step"
  }
  if (hooks.perturb) return 'its images are hidden, but a perturbation is of the gradient of all of them without noise'
  if (hooks.logits) return 'its images are hidden, but its logits are mapped by what it has of each class'
  if (hooks.teacher) return 'its images are hidden, but the part of a teacher in their gradients is not clipped'
  if (untilAccuracy === undefined) return undefined
  return 'its images are hidden, but how long it trains depends on its test images'
}

/** In single precision, as it is used. */
const wrongNumber = (what: string, value = 0) =>
  Number.isFinite(Math.fround(value)) ? undefined : `${what} is ${value}: expected a finite number`

function wrongWeights(what: string, weights: Weights, { parameters }: Model): string | undefined {
  for (const { name, shape } of parameters) {
    const tensor = weights.get(name)
    if (!tensor) return `${what} has no ${name}`
    if (tensor.shape.join() !== shape.join()) return `${name} of ${what} is [${tensor.shape}], not [${shape}]`
    const [length, expected] = [tensor.data.length, sizeOf(shape)]
    if (length !== expected) return `${name} of ${what} has ${length} values, not ${expected}`
  }
  const known = new Set(parameters.map(({ name }) => name))
  for (const name of weights.keys()) if (!known.has(name)) return `${what} has ${name}, which the model has not`
  const bad = firstNonFinite(weights)
  return bad && `${bad.tensor} of ${what} holds ${bad.value}`
}

function wrongClasses(what: string, values: Float32Array, { classes }: Model): string | undefined {
  if (values.length !== classes) return `${what} has ${values.length} values for ${classes} classes`
  const at = values.findIndex((value) => !Number.isFinite(value))
  return at < 0 ? undefined : `${what} is ${values[at]} for class ${at}`
}
