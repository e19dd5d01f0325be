/** Batches of equal length that an engine trains on in one go. */
export interface Chunk {
  /** Indices into the dataset: `steps` batches of `batch` images, one after another. */
  readonly indices: Uint32Array
  readonly batch: number
  readonly steps: number
}

/**
 * Cuts an epoch into chunks: full batches, at most `most` images of them (but one batch at least) in each, and then
 * the last, smaller batch: no image is dropped.
 */
export function* chunks(order: Uint32Array, batch: number, most: number): Generator<Chunk> {
  const full = order.length - (order.length % batch)
  const length = Math.max(1, Math.floor(most / batch)) * batch
  for (let from = 0; from < full; from += length) {
    const indices = order.subarray(from, Math.min(from + length, full))
    yield { indices, batch, steps: indices.length / batch }
  }
  const rest = order.length - full
  if (rest > 0) yield { indices: order.subarray(full), batch: rest, steps: 1 }
}
