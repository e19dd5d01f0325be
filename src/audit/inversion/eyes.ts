import type { FeatureMap } from './feature-map.ts'
import type { Greys } from './greys.ts'
import { imageOfFeatures, inputsOfGreys, type Search } from './image-of-features.ts'
import { type Grey, nearestTo } from './likeness.ts'

/** How what the first dense layer got becomes an image. */
export interface Eye {
  readonly exact: boolean
  /** For what the layer got in a step, what finds the image of those inputs that are nearest to a real image's. */
  seeing(inputs: readonly Float64Array[]): (real: Grey) => Promise<Grey>
  /** What the reader must know of it. */
  readonly notes: readonly string[]
}

/** Where the layer gets the image itself. */
export const exactly = (greys: Greys): Eye => ({
  exact: true,
  seeing(inputs) {
    const images = inputs.map((one) => greys.of(one))
    return async (real) => nearestTo(real, images).candidate
  },
  notes: [],
})

/** Where it gets what `map` makes of an image. */
export const bySearch = (map: FeatureMap, search: Search): Eye => ({
  exact: false,
  seeing: (inputs) => (real) => {
    const features = map.features(inputsOfGreys(real, search.normalise))
    return imageOfFeatures(map, nearestTo(features, inputs).candidate, search)
  },
  notes: [
    `what the first dense layer got of an image is exact; the image is the one that comes nearest to it after ${search.iterations} iterations from the mean image`,
  ],
})
