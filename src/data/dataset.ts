/** A labelled image dataset in memory, all of it pooled. Buffers are shared, so that threads read one copy. */
export interface Dataset {
  readonly name: string
  /** `count * rows * cols` grey values, 0-255, one image after the other. */
  readonly images: Uint8Array<SharedArrayBuffer>
  /** `count` labels, each in [0, classes). */
  readonly labels: Uint8Array<SharedArrayBuffer>
  readonly count: number
  readonly rows: number
  readonly cols: number
  readonly classes: number
  /** IDX file name (without .gz) to SHA-256 (hex) of its content, uncompressed: the same however it was gzipped. */
  readonly sha256: Readonly<Record<string, string>>
  /** The folder that it was read from. */
  readonly source: string
}

/** One owner's part of the data, as indices into the pooled dataset. */
export interface Shard {
  /** 1-based, as in the paper's tables. */
  readonly owner: number
  readonly train: Uint32Array
  readonly test: Uint32Array
}
