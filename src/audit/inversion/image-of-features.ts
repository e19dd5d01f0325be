import { setImmediate as turn } from 'node:timers/promises'
import type { Normalisation } from '../../engine/engine.ts'
import type { FeatureMap } from './feature-map.ts'
import type { Grey } from './likeness.ts'

/** Adam's step at first, in grey values from 0 to 1; it falls to nothing by a cosine. */
const STEP = 0.1
const [BETA1, BETA2, TINY] = [0.9, 0.999, 1e-12]

/** Iterations between two looks at whether somebody wants to stop. */
const OFTEN = 20

export interface Search {
  /** The image to begin with. */
  readonly from: Grey
  readonly normalise: Normalisation
  readonly iterations: number
  readonly signal?: AbortSignal | undefined
}

/** What a model takes for an image. */
export const inputsOfGreys = (image: Grey, { mean, std }: Normalisation): Grey =>
  image.map((grey) => (grey - mean) / std)

/**
 * The image whose features are as near as can be to those that are given, in squared distance: Adam on its grey values,
 * which stay between 0 and 1.
 * Source: Mahendran and Vedaldi 2015 (arXiv:1412.0035), eq. 1, without their prior: features of a convolution are many
 * more than pixels. Adam: Kingma and Ba 2015 (arXiv:1412.6980).
 */
export async function imageOfFeatures(
  map: FeatureMap,
  wanted: ArrayLike<number>,
  { from, normalise, iterations, signal }: Search,
): Promise<Grey> {
  const image = from.slice()
  const [first, second] = [new Float64Array(image.length), new Float64Array(image.length)]
  for (let k = 0; k < iterations; k++) {
    if (k % OFTEN === 0) {
      await turn()
      signal?.throwIfAborted()
    }
    const features = map.features(inputsOfGreys(image, normalise))
    const gradient = map.back(features.map((value, i) => value - wanted[i]!))
    const step = STEP * (0.5 + 0.5 * Math.cos((Math.PI * k) / iterations))
    for (const [i, slope] of gradient.entries()) {
      first[i] = BETA1 * first[i]! + (1 - BETA1) * slope
      second[i] = BETA2 * second[i]! + (1 - BETA2) * slope ** 2
      const [m, v] = [first[i]! / (1 - BETA1 ** (k + 1)), second[i]! / (1 - BETA2 ** (k + 1))]
      image[i] = Math.min(1, Math.max(0, image[i]! - (step * m) / (Math.sqrt(v) + TINY)))
    }
  }
  return image
}
