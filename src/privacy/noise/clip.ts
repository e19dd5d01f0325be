import { squaredDistance } from '../../weights/distance.ts'
import { mapTensors } from '../../weights/map-tensors.ts'
import type { Weights } from '../../weights/weights.ts'

/** A clipped change, as the weights that it leads to. */
export interface Clipped {
  readonly weights: Weights
  /** Whether it was within the norm as it was. */
  readonly within: boolean
}

/**
 * Shortens an owner's change to a norm: w + (y - w) · min(1, C / ‖y - w‖), with one norm over all tensors, scalars among
 * them (McMahan, Ramage, Talwar, Zhang 2018, arXiv:1710.06963, section 2.2, FlatClip). Weights are float32, so the
 * change is measured again once it is rounded: what is returned is never longer than C.
 * @param received w, from which the owner has trained
 * @param trained y
 */
export function clipChange(received: Weights, trained: Weights, norm: number): Clipped {
  const length = Math.sqrt(squaredDistance(trained, received))
  if (length <= norm) return { weights: trained, within: true }
  // Weights that are not finite stop the run: whoever looks for them is to find them.
  if (!Number.isFinite(length)) return { weights: trained, within: false }
  let [factor, less] = [norm / length, 2 ** -21]
  for (;;) {
    const weights = shortened(received, trained, factor)
    if (Math.sqrt(squaredDistance(weights, received)) <= norm) return { weights, within: false }
    less = Math.min(1 / 2, 2 * less)
    factor *= 1 - less
  }
}

const shortened = (received: Weights, trained: Weights, factor: number): Weights =>
  mapTensors(trained, (data, name) => {
    const from = received.get(name)!.data
    return data.map((value, i) => from[i]! + factor * (value - from[i]!))
  })
