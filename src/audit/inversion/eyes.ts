import type { FeatureMap } from './feature-map.ts'
import type { Greys } from './greys.ts'
import { imageOfFeatures, inputsOfGreys, type Search } from './image-of-features.ts'
import { type Grey, nearestTo } from './likeness.ts'

/** How what the first dense layer got becomes an image. */
export interface Eye {
  readonly exact: boolean
  /** The image of those of the inputs that are nearest to a real image's. */
  image(real: Grey, inputs: readonly Float64Array[]): Promise<Grey>
  /** What the reader must know of it. */
  readonly notes: readonly string[]
}

/** Where the layer gets the image itself. */
export const exactly = (greys: Greys): Eye => ({
  exact: true,
  image: async (real, inputs) => {
    const images = inputs.map((one) => greys.of(one))
    return nearestTo(real, images).candidate
  },
  notes: [],
})

/** Where it gets what `map` makes of an image. */
export const bySearch = (map: FeatureMap, search: Search): Eye => ({
  exact: false,
  image: (real, inputs) => {
    const features = map.features(inputsOfGreys(real, search.normalise))
    return imageOfFeatures(map, nearestTo(features, inputs).candidate, search)
  },
  notes: [
    `what the first dense layer got of an image is exact; the image is the one that comes nearest to it after ${search.iterations} iterations from the mean image`,
  ],
})
