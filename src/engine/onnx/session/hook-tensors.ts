import type { Weights } from '../../../weights/weights.ts'
import type { ObjectiveHooks } from '../../hooks.ts'
import {
  anchorName,
  GRADIENT_SCALE,
  type Hooked,
  LOGIT_SCALE,
  LOGIT_SHIFT,
  MU,
  RHO,
  SMOOTHING,
  shiftName,
  TEACHER_BETA,
  TEACHER_CLASSES,
  teacherName,
} from '../graph/hooks.ts'
import { weightTensor } from './create-session.ts'
import { Tensor } from './ort.ts'

/** What graph a plan with these hooks needs. */
export const hookedBy = ({ gradient, logits, targets, perturb, teacher }: ObjectiveHooks = {}): Hooked => ({
  scale: gradient?.scale !== undefined,
  proximal: gradient?.proximal !== undefined,
  shift: gradient?.shift !== undefined,
  logits: logits !== undefined,
  targets: targets !== undefined,
  perturb: perturb !== undefined,
  teacher: teacher !== undefined,
})

/**
 * The inputs of a graph for those hooks, the same for every chunk.
 * @param start what the training starts from, and `tensors` that hold it: an anchor or a teacher that is the start needs
 *   no others
 */
export function hookTensors(
  { gradient = {}, logits, targets, perturb, teacher }: ObjectiveHooks,
  classes: number,
  start: Weights,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const inputs: Record<string, Tensor> = {}
  const held = (weights: Weights, inputName: (name: string) => string) => {
    for (const [name, weight] of weights)
      inputs[inputName(name)] = weights === start ? tensors[name]! : weightTensor(weight)
  }
  const classwise = (values: Float32Array | undefined, absent: number) =>
    new Tensor('float32', values?.slice() ?? new Float32Array(classes).fill(absent), [classes])
  const { scale, proximal, shift } = gradient
  if (scale !== undefined) inputs[GRADIENT_SCALE] = new Tensor('float32', [scale], [])
  if (proximal) {
    const { mu, anchor } = proximal
    inputs[MU] = new Tensor('float32', [mu], [])
    held(anchor, anchorName)
  }
  for (const [name, weight] of shift ?? []) inputs[shiftName(name)] = weightTensor(weight)
  if (perturb) inputs[RHO] = new Tensor('float32', [perturb.rho], [])
  if (targets) inputs[SMOOTHING] = new Tensor('float32', [targets.smoothing], [])
  if (teacher) {
    inputs[TEACHER_BETA] = new Tensor('float32', [teacher.beta], [])
    inputs[TEACHER_CLASSES] = classwise(teacher.classes, 1)
    held(teacher.weights, teacherName)
  }
  if (logits) {
    inputs[LOGIT_SCALE] = classwise(logits.scale, 1)
    inputs[LOGIT_SHIFT] = classwise(logits.shift, 0)
  }
  return inputs
}
