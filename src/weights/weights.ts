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
    if (allFinite(data)) continue
    const value = data.find((one) => !Number.isFinite(one))
    if (value !== undefined) return { tensor, value }
  }
  return undefined
}

/** Float32 values are too small for their sum to leave the range of a double, unless one of them is not finite itself. */
function allFinite(data: Float32Array): boolean {
  const most = data.length - (data.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < most; i += 4) {
    a += data[i]!
    b += data[i + 1]!
    c += data[i + 2]!
    d += data[i + 3]!
  }
  for (let i = most; i < data.length; i++) a += data[i]!
  return Number.isFinite(a + b + c + d)
}
