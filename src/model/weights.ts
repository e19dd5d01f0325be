/** One named tensor of a model: `data` holds the product of `shape` float32 values, last axis fastest. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A model's weights in layer order, in the standard (NCHW, row-major) layout whatever the engine uses inside. */
export type Weights = ReadonlyMap<string, Tensor>
