import type { Part } from '../../parts.ts'
import type { Shard } from '../dataset.ts'

export interface SplitRequest {
  readonly seed: number
  /** At least 2. */
  readonly owners: number
  /** The number of classes; labels are in [0, classes). */
  readonly classes: number
  /** The images to split, as indices into the pooled dataset; each once. */
  readonly indices: Uint32Array
}

/**
 * Splits the images given by `request.indices`: each lands in exactly one shard, as train or as test.
 * Pure: depends on the arguments only.
 * @param labels the label of every image of the pooled dataset
 * @throws FedunifyError `usage` if an owner would have no train or no test image
 */
export type Split<Result = Shard[]> = (labels: Uint8Array, request: SplitRequest) => Result

/** A way to split a dataset among owners. */
export type Partition = {
  /** For how many owners it is; without it, for any number. */
  readonly owners?: number
} & (
  | { readonly split: Split; readonly steps?: never }
  /** For a partition that may take long: between two steps it can be given up. */
  | { readonly steps: Split<Generator<undefined, Shard[]>>; readonly split?: never }
)

/** An entry of the registry. */
export type PartitionPart<O extends object = object> = Part<O, Partition>
