import { stream } from '../random.ts'
import type { Tensor, Weights } from '../weights/weights.ts'
import { type Model, sizeOf } from './model.ts'

/**
 * Seeded initial weights: every weight and bias uniform in ±1/√fan-in, PyTorch's default for Conv2d and Linear
 * (He et al. 2015, arXiv:1502.01852, with a = √5), but for parameters that begin with a value of their own. `owner` 0 is
 * the common model; another owner's differ.
 */
export function initialWeights(model: Model, seed: number, owner = 0): Weights {
  const weights = new Map<string, Tensor>()
  for (const [index, { name, shape, fanIn, initial }] of model.parameters.entries()) {
    if (initial !== undefined) {
      weights.set(name, { shape, data: new Float32Array(sizeOf(shape)).fill(initial) })
      continue
    }
    const random = stream(seed, 'weights', owner, index)
    const bound = 1 / Math.sqrt(fanIn)
    const data = new Float32Array(sizeOf(shape))
    for (let i = 0; i < data.length; i++) data[i] = (2 * random.uniform() - 1) * bound
    weights.set(name, { shape, data })
  }
  return weights
}
