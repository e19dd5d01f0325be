import type { Layer } from '../../../model/layers.ts'
import { type PlacedLayer, sizeOf } from '../../../model/model.ts'
import type { Graph } from '../graph.ts'
import { maxTree, unpool } from './max-tree.ts'
import type { Pass } from './pass.ts'

type MaxPool2d = PlacedLayer<Extract<Layer, { type: 'maxpool2d' }>>

export function relu(g: Graph, x: string): Pass {
  const out = g.op('Relu', [x])
  return { out, backward: (dOut) => ({ dIn: g.mask(g.op('Greater', [out, g.scalar(0)]), dOut) }) }
}

/** [N, C, H, W] → [N, C*H*W]; -1 stands for the batch's length. */
export function flatten(g: Graph, placed: PlacedLayer, x: string): Pass {
  return {
    out: g.reshape(x, -1, sizeOf(placed.input)),
    backward: (dOut) => ({ dIn: g.reshape(dOut, -1, ...placed.input) }),
  }
}

export function maxpool2dForward(g: Graph, { layer }: MaxPool2d, x: string): string {
  return g.op('MaxPool', [x], { kernel_shape: [layer.size, layer.size], strides: [layer.size, layer.size] })
}

/** A pool that no convolution could take in: the maximum over its strided slices. */
export function maxpool2d(g: Graph, { layer, input }: MaxPool2d, x: string): Pass {
  const { size } = layer
  const [, rows, cols] = input as [number, number, number]
  const covered = [rows - (rows % size), cols - (cols % size)]
  const slices = Array.from({ length: size * size }, (_, i) =>
    g.op('Slice', [x, g.ints(Math.floor(i / size), i % size), g.ints(...covered), g.ints(2, 3), g.ints(size, size)]),
  )
  const max = maxTree(g, slices)
  return { out: max.out, backward: (dOut) => ({ dIn: unpool(g, max.backward(dOut), size, rows, cols) }) }
}
