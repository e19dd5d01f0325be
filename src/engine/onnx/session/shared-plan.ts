import type { Weights } from '../../../weights/weights.ts'
import type { TrainPlan } from '../../engine.ts'
import type { SharedMemory, SharedWeights } from './shared-weights.ts'

/**
 * Calls `task` with a training as threads take it: the weights it starts from, and those of its hooks, in memory that
 * all threads see. An anchor that is the start is there once, and stays the same object in the thread.
 */
export function lendTraining<T>(
  memory: SharedMemory,
  start: Weights,
  plan: TrainPlan,
  task: (start: SharedWeights, plan: TrainPlan) => Promise<T>,
): Promise<T> {
  const given = plan.hooks?.gradient ?? {}
  const { proximal, shift } = given
  const teacher = plan.hooks?.teacher
  const all = [start, proximal?.anchor, shift, teacher?.weights].filter((weights) => weights !== undefined)
  return memory.lendAll(all, (shared) => {
    const held = (weights: Weights) => shared[all.indexOf(weights)]!.weights
    const gradient = {
      ...given,
      ...(proximal && { proximal: { ...proximal, anchor: held(proximal.anchor) } }),
      ...(shift && { shift: held(shift) }),
    }
    const taught = teacher && { teacher: { ...teacher, weights: held(teacher.weights) } }
    return task(shared[0]!, plan.hooks ? { ...plan, hooks: { ...plan.hooks, ...taught, gradient } } : plan)
  })
}
