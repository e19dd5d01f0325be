/** One named tensor of a model: `data` holds the product of `shape` float32 values, last axis fastest. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A model's weights in layer order, in the standard (NCHW, row-major) layout whatever the engine uses inside. */
export type Weights = ReadonlyMap<string, Tensor>

/** The same weights in memory of their own. */
export const copyWeights = (weights: Weights): Weights =>
  new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))

/** The first tensor that holds a NaN or an infinity, or undefined where all is finite. */
export function firstNonFinite(weights: Weights): { tensor: string; value: number } | undefined {
  for (const [tensor, { data }] of weights) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return { tensor, value: data[i]! }
  }
  return undefined
}
