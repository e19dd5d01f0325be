import type { Weights } from './weights.ts'

/** ‖a - b‖² over all tensors of `a`, which `b` has too. */
export function squaredDistance(a: Weights, b: Weights): number {
  let sum = 0
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data
    for (let i = 0; i < data.length; i++) sum += (data[i]! - other[i]!) ** 2
  }
  return sum
}
