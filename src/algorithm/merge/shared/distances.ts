import { squaredDistance } from '../../../weights/distance.ts'
import type { Weights } from '../../../weights/weights.ts'

/** ‖wᵢ - wⱼ‖² of every two models, over all of their tensors. */
export function squaredDistances(models: readonly Weights[]): number[][] {
  const squared = models.map(() => new Array<number>(models.length).fill(0))
  for (let i = 0; i < models.length; i++) {
    for (let j = 0; j < i; j++) squared[i]![j] = squared[j]![i] = squaredDistance(models[i]!, models[j]!)
  }
  return squared
}
