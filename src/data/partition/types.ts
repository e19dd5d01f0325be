import type { Shard } from '../dataset.ts'

export interface PartitionOptions {
  readonly seed: number
  readonly owners: number
  /** The number of classes; labels are in [0, classes). */
  readonly classes: number
  /** The images to split, as indices into the pooled dataset; each once. */
  readonly indices: Uint32Array
  /** The labels of each owner, for `labels`. */
  readonly labels?: readonly (readonly number[])[] | undefined
  /** The concentration, for `dirichlet`. */
  readonly alpha?: number | undefined
}

/** A way to split a dataset among owners; an entry of the registry. */
export interface Partition {
  readonly name: string
  /** One line, for --help. */
  readonly summary: string
  /** Paper and section that it comes from. */
  readonly source: string
  /**
   * Splits the images given by `options.indices`: each lands in exactly one shard, as train or as test.
   * Pure: depends on the arguments only.
   * @param labels the label of every image of the pooled dataset
   * @throws FedunifyError `usage` if the options do not fit, or an owner would have no train or no test image
   */
  split(labels: Uint8Array, options: PartitionOptions): Shard[]
}
