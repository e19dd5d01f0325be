import { type Parameter, sizeOf } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import type { Blocks } from './blocked-kernels.ts'
import { pairwiseSum } from './image-sums.ts'
import { type Gradient, type Pass, plainGradient } from './pass.ts'

/** Layers on a part of a batch, whose input nobody asks the gradient of. */
export interface Part {
  readonly out: string
  backward(dOut: string): ReadonlyMap<string, Gradient>
}

/**
 * The first layers of a model on micro-batches of a batch, so that what one layer writes is still in the cache when the
 * next one reads it. Layers behind them have the whole batch.
 *
 * The runtime goes back from each output along what that needs. So the gradients of all parameters are one tensor for each
 * micro-batch: it is done with one before it begins the next.
 */
export function microBatches(
  g: Graph,
  x: string,
  parameters: readonly Parameter[],
  { batch, microBatch }: Required<Blocks>,
  layers: (x: string) => Part,
): Pass {
  const lengths = new Array(batch / microBatch).fill(microBatch)
  const parts = g.split(x, lengths).map(layers)
  const outs = parts.map(({ out }) => out)
  return {
    out: g.op('Concat', outs, { axis: 0 }),
    backward(dOut) {
      const each = g.split(dOut, lengths).map((dPart, i) => {
        const gradients = parts[i]!.backward(dPart)
        const flat = parameters.map(({ name }) => g.reshape(gradients.get(name)!(), -1))
        return g.op('Concat', flat, { axis: 0 })
      })
      const sizes = parameters.map(({ shape }) => sizeOf(shape))
      const sums = g.split(pairwiseSum(g, each), sizes)
      const shaped = parameters.map(({ name, shape }, i) => [name, g.reshape(sums[i]!, ...shape)] as const)
      return { gradients: new Map(shaped.map(([name, sum]) => [name, plainGradient(g, sum)])) }
    },
  }
}
