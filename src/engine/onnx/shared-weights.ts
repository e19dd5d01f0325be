import type { Tensor, Weights } from '../../model/weights.ts'

/** Weights in memory that all threads see: a task that names them carries no copy. */
export interface SharedWeights {
  /** Tells them apart from others of this process. */
  readonly id: number
  readonly weights: Weights
}

let last = 0
const known = new WeakMap<Weights, SharedWeights>()

/** The same for the same weights, which all owners of a round train from. */
export function share(weights: Weights): SharedWeights {
  const before = known.get(weights)
  if (before) return before
  last += 1
  const shared = { id: last, weights: new Map([...weights].map(([name, tensor]) => [name, shareTensor(tensor)])) }
  known.set(weights, shared)
  return shared
}

function shareTensor({ shape, data }: Tensor): Tensor {
  const shared = new Float32Array(new SharedArrayBuffer(data.byteLength))
  shared.set(data)
  return { shape, data: shared }
}
