/**
 * The mask that a training step's dropout uses, in plain JavaScript: bit-equal to what the onnx engine's graph makes
 * (see onnx/layers/dropout.ts), so that engines drop the same values.
 *
 * @param key the step's, a uint32
 * @param position index of the layer in the model
 * @param length values of the whole batch, in NCHW order
 * @returns 0, or 1 / (1 - rate) if the value is kept
 */
export function dropoutMask(rate: number, key: number, position: number, length: number): Float32Array {
  const salt = key ^ Math.imul(position + 1, 0x85ebca6b)
  // Both sides of the comparison in float32, as the graph has them.
  const threshold = Math.fround(rate * 2 ** 32)
  const scale = 1 / (1 - rate)
  return Float32Array.from({ length }, (_, i) => {
    const hash = mix((Math.imul(i, 0x9e3779b1) + salt) | 0)
    return Math.fround(hash) >= threshold ? scale : 0
  })
}

/** A 32-bit avalanche of an int32, as a uint32. */
function mix(x: number): number {
  let v = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  v = Math.imul(v ^ (v >>> 15), 0x846ca68b)
  return (v ^ (v >>> 16)) >>> 0
}
