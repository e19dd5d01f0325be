import type { Layer } from '../../../../model/layers.ts'
import { type PlacedLayer, sizeOf } from '../../../../model/model.ts'
import type { Graph } from '../graph.ts'
import type { ImageLayout, ImageShape } from './image-layout.ts'
import { maxChain } from './max-chain.ts'
import type { Pass } from './pass.ts'

type MaxPool2d = PlacedLayer<Extract<Layer, { type: 'maxpool2d' }>>

export function relu(g: Graph, x: string): Pass {
  const out = g.op('Relu', [x])
  const through = g.wherePositive(out)
  return { out, backward: (dOut) => ({ dIn: through(dOut) }) }
}

/** [N, C, H, W] → [N, C*H*W]; -1 stands for the batch's length. */
export function flatten(g: Graph, placed: PlacedLayer, x: string): Pass {
  return {
    out: g.reshape(x, -1, sizeOf(placed.input)),
    backward: (dOut) => ({ dIn: g.reshape(dOut, -1, ...placed.input) }),
  }
}

/** A pool that no convolution could take in: the maximum over its strided slices. */
export function maxpool2d(g: Graph, { layer, input }: MaxPool2d, x: string, layout: ImageLayout): Pass {
  const { size } = layer
  const [channels, rows, cols] = input as ImageShape
  const covered = [rows - (rows % size), cols - (cols % size)] as const
  const slices = Array.from({ length: size * size }, (_, i) =>
    layout.slice(x, [channels, rows, cols], [Math.floor(i / size), i % size], covered, size),
  )
  const max = maxChain(g, slices)
  const unpool = (parts: readonly string[]) =>
    size === 1 ? parts[0]! : layout.unpool(parts, [channels, rows, cols], size)
  return { out: max.out, backward: (dOut) => ({ dIn: unpool(max.backward(dOut)) }) }
}
