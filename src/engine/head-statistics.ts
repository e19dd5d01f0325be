/**
 * Sums over images of what a head is fitted to: z is an image's features, the inputs of the last layer, with a 1 behind
 * them, and y its label as one of `classes` zeros and a one. Sums of disjoint sets of images add up to that of their
 * union, so a head that is fitted to them is the one of the pooled images, however these are split.
 */
export interface HeadStatistics {
  readonly images: number
  /** Features and the 1. */
  readonly size: number
  readonly classes: number
  /** Σ z zᵀ, symmetric: [size, size], row-major. */
  readonly gram: Float64Array
  /** Σ z yᵀ: [size, classes], row-major. Its last row counts the images of each class. */
  readonly cross: Float64Array
}

export const noStatistics = (features: number, classes: number): HeadStatistics => {
  const size = features + 1
  return { images: 0, size, classes, gram: new Float64Array(size ** 2), cross: new Float64Array(size * classes) }
}

/**
 * Adds images, in plain code.
 * @param features float32 [images, size - 1]
 */
export function addImages(to: HeadStatistics, features: Float32Array, labels: Int32Array): HeadStatistics {
  const { size, classes, gram, cross } = to
  const z = new Float64Array(size).fill(1)
  for (const [i, label] of labels.entries()) {
    z.set(features.subarray(i * (size - 1), (i + 1) * (size - 1)))
    for (let a = 0; a < size; a++) {
      cross[a * classes + label]! += z[a]!
      for (let b = 0; b < size; b++) gram[a * size + b]! += z[a]! * z[b]!
    }
  }
  return { ...to, images: to.images + labels.length }
}

/** The sums over the union of disjoint sets of images, of one at least, added in their order. */
export function addStatistics([first, ...others]: readonly HeadStatistics[]): HeadStatistics {
  if (!first) throw new Error('no sums to add')
  const [gram, cross] = [first.gram.slice(), first.cross.slice()]
  for (const other of others) {
    for (let i = 0; i < gram.length; i++) gram[i]! += other.gram[i]!
    for (let i = 0; i < cross.length; i++) cross[i]! += other.cross[i]!
  }
  return { ...first, images: [first, ...others].reduce((sum, { images }) => sum + images, 0), gram, cross }
}
