import type { Part } from '../parts.ts'
import type { LocateOptions } from './fashion-mnist/locate.ts'

/** A labelled image dataset in memory, all of it pooled. Buffers are shared, so that threads read one copy. */
export interface Dataset {
  readonly name: string
  /** What one example is: an image of [channels, rows, cols], or [features]. */
  readonly shape: readonly number[]
  /** Of the values of examples; grey values are 0-255. */
  readonly elements: 'uint8'
  /** `count` examples, one after the other. */
  readonly images: Uint8Array<SharedArrayBuffer>
  /** `count` labels, each in [0, classes). */
  readonly labels: Uint8Array<SharedArrayBuffer>
  readonly count: number
  /** How many of them, from the first, are those of the train file; the others are of the test file. */
  readonly trainCount: number
  readonly classes: number
  /** What people call each class; its label if it has no other name. */
  readonly classNames: readonly string[]
  /** IDX file name (without .gz) to SHA-256 (hex) of its content, uncompressed: the same however it was gzipped. */
  readonly sha256: Readonly<Record<string, string>>
  /** The folder that it was read from. */
  readonly source: string
}

/** What a dataset's part makes of its options: a way to load it. */
export interface DatasetSource {
  /** Whether it has no place of its own, so that a folder must be named. */
  readonly needsFolder?: boolean
  /** What loading it would fetch first, in words; undefined if nothing. */
  wouldFetch?(options: LocateOptions): Promise<string | undefined>
  load(options: LocateOptions): Promise<Dataset>
}

/** An entry of the registry. */
export type DatasetPart<O extends object = object> = Part<O, DatasetSource>

/** One owner's part of the data, as indices into the pooled dataset. */
export interface Shard {
  /** 1-based, as in the paper's tables. */
  readonly owner: number
  readonly train: Uint32Array
  readonly test: Uint32Array
}
