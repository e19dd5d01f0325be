import { type Model, sizeOf } from '../../../model/model.ts'
import type { Blocks } from './layers/blocked-kernels.ts'
import { partSize } from './layers/image-sums.ts'
import { stepsApart, trainingSteps } from './steps.ts'

/** Bytes of the largest output that a layer in front of the dense ones has of one image; 0 if there is none. */
export const widestBytes = ({ layers }: Model): number =>
  4 * Math.max(0, ...stepsApart(trainingSteps(layers)).images.map(({ placed }) => sizeOf(placed.output)))

/**
 * Images of the micro-batches of a batch: as many as keep the largest output within `cacheBytes`. Undefined if the whole
 * batch does, or not even a micro-batch, or if sums over images cannot be formed in parts with the same bits.
 */
export function microBatchSize(
  model: Model,
  { block, batch }: Pick<Required<Blocks>, 'block' | 'batch'>,
  cacheBytes: number,
): number | undefined {
  const { images } = stepsApart(trainingSteps(model.layers, block))
  const convolutions = images.filter(({ placed }) => placed.layer.type === 'conv2d')
  if (convolutions.length === 0 || convolutions.some(({ output }) => output !== 'blocked')) return undefined
  const size = partSize(batch, cacheBytes / widestBytes(model))
  return size === batch ? undefined : size
}
